/** The words that were typed, as they can be typed again. */

export const commandLine = (argv: string[]): string => ['fettle', ...argv.map(quote)].join(' ')

const quote = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
