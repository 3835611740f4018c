import { readFileSync } from 'node:fs'

/**
 * Whether the terminal listens to us. A job in the background (`fettle up &`) that changes the terminal's mode is stopped by the
 * system, and the deploy would go on unseen. Where it can not be known (no /proc): yes.
 */
export function isForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    // The name of the program, in parentheses, may hold anything. Behind it: state, parent, group, session, terminal, its group.
    const [, , group, , , terminalGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return terminalGroup === '-1' || group === terminalGroup
  } catch {
    return true
  }
}
