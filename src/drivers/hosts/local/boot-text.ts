/** What is written to make the agent return after a reboot. Pure. */

export interface BootCommand {
  /** Absolute program and its arguments. */
  argv: string[]
  home: string
}

/** One name a home, so that two homes on one machine do not take each other's place. */
export const unitName = (home: string): string => `fettle-${home.replace(/^\/+/, '').replace(/[^A-Za-z0-9]+/g, '-')}.service`

/**
 * `KillMode=process`: services and the front are children of the agent to systemd, and must not end with it.
 * Quoting as in systemd.syntax(7): double quotes, with backslash, quote, $ and % escaped.
 */
export function unitText({ argv, home }: BootCommand, wantedBy: 'default.target' | 'multi-user.target'): string {
  const word = (text: string) => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('$', '$$$$').replaceAll('%', '%%')}"`
  return `[Unit]
Description=fettle agent for ${home.replaceAll('%', '%%')}
After=network.target

[Service]
ExecStart=${argv.map(word).join(' ')}
Restart=always
RestartSec=1
KillMode=process
Delegate=yes

[Install]
WantedBy=${wantedBy}
`
}

const MARK = '# fettle agent for'

/** cron gives a line to sh, and reads an unescaped % as its end. */
export function cronLine({ argv, home }: BootCommand): string {
  const word = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const command = `${argv.map(word).join(' ')} >>${word(`${home}/agent/agent.log`)} 2>&1`
  return `@reboot ${command.replaceAll('%', '\\%')} ${MARK} ${home.replaceAll('%', '\\%')}`
}

/** The table with our line once, or without it; lines of others stay as they are. */
export function cronTable(table: string, command: BootCommand, isEnabled: boolean): string {
  const mark = `${MARK} ${command.home.replaceAll('%', '\\%')}`
  const others = table.split(/(?<=\n)/).filter(line => !line.trimEnd().endsWith(mark))
  if (!isEnabled) return others.join('')
  const end = table === '' || table.endsWith('\n') ? '' : '\n'
  return `${others.join('')}${end}${cronLine(command)}\n`
}
