/** The command lines of `fettle.yaml`, as argv. Their words are those of POSIX `sh -c`. */

/** What the shell itself must see first: its own words have no program that could take its place. */
const OWN_WORDS = new Set(
  (
    '. : ! { alias bg break case cd command continue eval exec exit export fg for getopts hash if jobs local read readonly return set shift ' +
    'source time times trap type ulimit umask unalias unset until wait while'
  ).split(' '),
)

/** Anything but one plain program with its words. */
const isOfTheShell = (command: string): boolean => {
  const [first = ''] = command.trim().split(/\s/, 1)
  return /[;&|<>()`\n]/.test(command) || /^\w+=/.test(first) || OWN_WORDS.has(first)
}

/** One plain program replaces the shell, so that signals reach it and not every shell does so by itself. */
export const shellArgv = (command: string): string[] => ['/bin/sh', '-c', isOfTheShell(command) ? command : `exec ${command}`]
