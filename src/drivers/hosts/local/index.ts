/** Makes the agent return after a reboot: by systemd where it is the init, else by cron. */
import { existsSync, lstatSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { type Executed, execute } from '../../../lib/execute.ts'
import { writeFileAtomic } from '../../../lib/files.ts'
import { type BootCommand, cronLine, cronTable, unitName, unitText } from './boot-text.ts'

export interface BootOptions extends BootCommand {
  /** For tests: where systemd's units and marks are looked for. */
  root?: string
  env?: NodeJS.ProcessEnv
  isRoot?: boolean
}

const NEVER_ENABLED = 'nothing started it at boot'

/** Idempotent all three; `state` is undefined when nothing starts the agent at boot. */
export interface Boot {
  state(): Promise<string | undefined>
  enable(): Promise<string>
  disable(): Promise<string>
}

export function createBoot(options: BootOptions): Boot {
  const { root = '/', isRoot = process.getuid?.() === 0 } = options
  if (existsSync(join(root, 'run/systemd/system'))) return systemdBoot(options, isRoot)
  return cronBoot(options)
}

function systemdBoot({ root = '/', env = process.env, ...command }: BootOptions, isRoot: boolean): Boot {
  const folder = isRoot ? join(root, 'etc/systemd/system') : join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'systemd/user')
  const target = isRoot ? 'multi-user.target' : 'default.target'
  const name = unitName(command.home)
  const path = join(folder, name)
  const scope = isRoot ? [] : ['--user']
  const systemctl = async (...args: string[]) =>
    required(await execute('systemctl', [...scope, ...args], { env }), `systemctl ${args.join(' ')}`)
  const words = isRoot ? `systemd unit ${name}` : `systemd user unit ${name} (needs \`loginctl enable-linger\` to start before you log in)`
  /** What `systemctl enable` makes, and all that systemd looks for at boot. */
  const link = join(folder, `${target}.wants`, name)
  const remove = () => Promise.all([link, path].map(file => rm(file, { force: true })))
  return {
    state: async () => (isThere(link) ? words : undefined),
    async enable() {
      await writeFileAtomic(path, unitText(command, target))
      try {
        await systemctl('daemon-reload')
        await systemctl('enable', name)
      } catch (error) {
        await remove()
        throw error
      }
      return words
    },
    async disable() {
      if (!isThere(link) && !isThere(path)) return NEVER_ENABLED
      // Also where no systemd answers, as in a session without a bus: these files are all that there is of it.
      try {
        await systemctl('disable', name)
      } finally {
        await remove()
      }
      await systemctl('daemon-reload')
      return `${name} removed`
    },
  }
}

/** A link too that leads nowhere. */
const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

/** What the crons of Debian, Fedora and BusyBox say where the user has no table yet. */
const NO_TABLE = /no crontab for|can't open .*: No such file/

/** Every `status` asks, and the answer costs a process. */
const KNOWN_MS = 60_000

function cronBoot({ env = process.env, ...command }: BootOptions): Boot {
  /** Undefined without cron. @throws FettleError COMMAND_FAILED: what can not be read must not be replaced */
  const read = async (): Promise<string | undefined> => {
    const table = await execute('crontab', ['-l'], { env })
    if (table.code === 127) return undefined
    if (table.code !== 0 && NO_TABLE.test(table.stderr)) return ''
    required(table, 'crontab -l')
    return table.stdout
  }
  const write = async (table: string) => required(await execute('crontab', ['-'], { env, stdin: table }), 'crontab -')
  let known: { at: number; line: boolean } | undefined
  /** @returns whether the table was another before */
  const change = async (before: string, isEnabled: boolean): Promise<boolean> => {
    known = undefined
    const after = cronTable(before, command, isEnabled)
    if (after !== before) await write(after)
    return after !== before
  }
  return {
    async state() {
      if (known === undefined || performance.now() - known.at > KNOWN_MS) {
        const table = await execute('crontab', ['-l'], { env })
        known = { at: performance.now(), line: table.code === 0 && table.stdout.split('\n').includes(cronLine(command)) }
      }
      return known.line ? 'cron, at @reboot' : undefined
    },
    async enable() {
      const before = await read()
      if (before === undefined) throw unsupported(command)
      await change(before, true)
      return 'cron, at @reboot'
    },
    async disable() {
      return (await change((await read()) ?? '', false)) ? 'the line in the crontab is removed' : NEVER_ENABLED
    },
  }
}

const unsupported = (command: BootCommand) =>
  new FettleError('UNSUPPORTED', 'neither systemd nor cron runs here, so nothing can start the agent after a reboot', {
    hint: `Let whatever starts this machine run: ${command.argv.join(' ')}`,
  })

function required(ended: Executed, what: string): void {
  if (ended.code === 0) return
  if (ended.code === 124) throw new FettleError('TIMEOUT', `${what} did not end, and was ended`, { retryable: false })
  throw new FettleError('COMMAND_FAILED', `${what} exited ${ended.code}: ${ended.stderr.trim() || ended.stdout.trim()}`)
}
