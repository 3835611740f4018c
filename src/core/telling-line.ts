/** Of what a command that failed printed, the one line that says why: for a headline, where there is room for one. */

/** What runtimes and package managers print after the cause. */
const NOISE = [
  /^\s*$/,
  /^\s+at /,
  /^\s*[{}\]^~-]+[,;]?\s*$/,
  /^Node\.js v\d/,
  /complete log of this run/i,
  /^\s+\w+: (?:'|\[|\d|undefined)/,
]
/** npm says it first, and adds advice; its code and paths alone say little. */
const NPM = /^npm (?:error|ERR!) (?!code |errno|path |syscall|command |A complete|.*gyp)\S/
/** `TypeError: …`, `django.db.utils.OperationalError: …`, `Error [ERR_X]: …` */
const EXCEPTION = /^(?:\w+\.)*\w*(?:Error|Exception)(?: \[\w+\])?: \S/

/** @returns '' when it printed nothing */
export function tellingLine(output: string): string {
  const lines = output.split('\n').filter(line => !NOISE.some(noise => noise.test(line)))
  return (lines.find(line => NPM.test(line)) ?? lines.findLast(line => EXCEPTION.test(line)) ?? lines.at(-1) ?? '').trim()
}
