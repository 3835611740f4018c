/** The command line at a real pseudo-terminal, made by `script` (util-linux): keys in, a screen out. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { descendants } from '../../src/lib/proc-files.ts'
import { hasEnded } from '../../src/lib/process-end.ts'
import { quoteWords } from '../../src/lib/quote.ts'
import { screenOf } from './screen-of.ts'

export interface Terminal {
  press(keys: string): void
  /** What is on the screen now, without empty lines at the end. */
  screen(): string
  /** All that was ever written, with its sequences. */
  output(): string
  /** Resolves when the screen matches; rejects when the program ended without. */
  shows(pattern: RegExp): Promise<string>
  exit: Promise<number>
  resize(columns: number, rows: number): void
  /** Takes the terminal away, as a lost connection does. */
  hangUp(): void
  /** Ends what runs there at once: left to itself, it would start an agent when the test's own is gone. Idempotent. */
  kill(): Promise<void>
}

export interface TerminalOptions {
  home: string
  env?: NodeJS.ProcessEnv
  columns?: number
  rows?: number
}

/** Only for a test that would hang. */
const GUARD_MS = 30_000
const MAIN = join(import.meta.dirname, 'terminal-main.ts')

export function startTerminal(argv: string[], options: TerminalOptions): Terminal {
  const { columns = 90, rows = 30 } = options
  const words = quoteWords([process.execPath, MAIN, ...argv])
  const child = spawn(
    'script',
    ['--quiet', '--return', '--flush', '--command', `stty cols ${columns} rows ${rows}; exec ${words}`, '/dev/null'],
    {
      cwd: options.home,
      env: {
        PATH: process.env.PATH,
        HOME: options.home,
        FETTLE_HOME: options.home,
        LANG: 'C.UTF-8',
        TERM: 'xterm-256color',
        NO_COLOR: '1',
        ...options.env,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  return terminalOf(child, columns, rows)
}

function terminalOf(child: ChildProcess, columns: number, rows: number): Terminal {
  let text = ''
  const changed = new Set<() => void>()
  const tell = (): void => {
    for (const listener of changed) listener()
  }
  const started = new Set<number>()
  child.stdout?.setEncoding('utf8').on('data', chunk => {
    text += chunk
    if (started.size === 0) for (const pid of descendants(child.pid ?? 0)) if (pid !== child.pid) started.add(pid)
    tell()
  })
  const exit = new Promise<number>((resolve, reject) => child.on('error', reject).on('close', code => resolve(code ?? -1)))
  const screen = (): string => screenOf(text, columns, rows).join('\n').trimEnd()
  return {
    press: keys => void child.stdin?.write(keys),
    screen,
    output: () => text,
    exit,
    resize: (columns, rows) =>
      void execFileSync('stty', ['-F', deviceBelow(child.pid ?? 0), 'columns', String(columns), 'rows', String(rows)]),
    hangUp: () => void child.kill('SIGKILL'),
    async kill() {
      for (const pid of started) if (!(await hasEnded(pid))) process.kill(pid, 'SIGKILL')
      if (child.exitCode === null && child.signalCode === null)
        for (const pid of [...descendants(child.pid ?? 0)]) process.kill(pid, 'SIGKILL')
      await exit
    },
    shows(pattern) {
      return new Promise((resolve, reject) => {
        const end = (act: () => void): void => {
          changed.delete(look)
          clearTimeout(guard)
          act()
        }
        const miss = (why: string): void => end(() => reject(new Error(`${why}, and the screen does not match ${pattern}:\n${screen()}`)))
        const guard = setTimeout(() => miss(`${GUARD_MS / 1000} s are over`), GUARD_MS)
        const look = (): void => {
          if (pattern.test(screen())) end(() => resolve(screen()))
        }
        changed.add(look)
        look()
        void exit.then(() => miss('the program ended'))
      })
    },
  }
}

/** Of the terminal that `script` made for what it started. */
function deviceBelow(pid: number): string {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
  return readlinkSync(`/proc/${child}/fd/0`)
}
