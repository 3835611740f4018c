const LONGEST = 20

/**
 * Whether a value looks like a word, a name or a number that people use anyway (`staging`, `web-1`, `1795`), and not like something
 * that a machine made up: words of one case of at most twelve letters, short numbers, and few of them.
 */
export const isWordLike = (value: string): boolean => value.length <= LONGEST && WORDS.test(value.trim())

const WORD = String.raw`(?:[A-Z]?[a-z]{1,12}|[A-Z]{1,12}|\d{1,6})`
const WORDS = new RegExp(`^${WORD}\\d{0,4}(?:[-_. ]${WORD}\\d{0,4})*$`)
