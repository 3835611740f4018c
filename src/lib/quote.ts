/** Words for a shell, where one can not be avoided. */

/** One shell word that stands for exactly this text. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** A command line that stands for exactly this argv. */
export const quoteWords = (argv: readonly string[]): string => argv.map(quote).join(' ')
