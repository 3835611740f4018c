/** Ctrl-C and the loss of the terminal while an operation is followed. The operation is the agent's: it never ends with us. */
import type { Cli } from './cli.ts'
import { KEY, listenKeys } from './keyboard.ts'
import { fill } from './output/width.ts'

export interface Interrupts {
  /** The operation goes on without us; `code` is the exit code. */
  detach(code: number): void
  /** `now`: it was cancelled before, and what that waits for is to be broken off. */
  cancel(now: boolean): void
  /** Shown while it is asked, [] after. */
  ask(lines: string[]): void
}

/** By convention 128 + the signal's number. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
export const INTERRUPTED = SIGNALS.SIGINT
/** As of a program that SIGPIPE ended. */
export const UNREAD = 141
const ASK_SECONDS = 10

/** @returns an idempotent stop */
export function listenInterrupts(cli: Cli, on: Interrupts): () => void {
  const question = cli.isInteractive ? createQuestion(cli, on) : undefined
  const stopSignals = listenSignals(cli, code =>
    code === INTERRUPTED && question !== undefined ? question.key(KEY.ctrlC) : on.detach(code),
  )
  const stopKeys = question === undefined ? () => {} : listenKeys(cli.io.stdin, question.key, () => on.detach(SIGNALS.SIGHUP))
  return () => {
    stopSignals()
    question?.close()
    stopKeys()
  }
}

/** Signals, the loss of the terminal, and the end of whoever reads what we write. @returns an idempotent stop */
export function listenSignals(cli: Cli, onSignal: (code: number) => void): () => void {
  const signals = cli.io.signals ?? process
  const listeners = Object.entries(SIGNALS).map(([signal, code]) => {
    const listener = (): void => onSignal(code)
    signals.on(signal, listener)
    return () => signals.off(signal, listener)
  })
  const onLost = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') onSignal(SIGNALS.SIGHUP)
  }
  const onUnread = (): void => onSignal(UNREAD)
  cli.io.stdout.on('error', onLost)
  cli.io.unread?.on('unread', onUnread)
  return () => {
    for (const stop of listeners) stop()
    cli.io.stdout.off('error', onLost)
    cli.io.unread?.off('unread', onUnread)
  }
}

/** Asked at the first Ctrl-C; a second one, or no answer, detaches. */
function createQuestion(cli: Cli, on: Interrupts): { key(key: string): void; close(): void } {
  let timer: NodeJS.Timeout | undefined
  let secondsLeft = 0
  let isCancelled = false
  const close = (): void => {
    clearInterval(timer)
    timer = undefined
  }
  const answer = (act: () => void): void => {
    close()
    on.ask([])
    act()
  }
  const cancel = (): void => {
    on.cancel(isCancelled)
    isCancelled = true
  }
  const ask = (): void => {
    const { bold, dim } = cli.style
    const choice = (key: string, does: string): string => `${bold(`[${key}]`)} ${does}`
    const choices = [
      choice('Enter', 'go on following'),
      choice('d', 'detach, it goes on by itself'),
      choice('c', isCancelled ? 'break off what it waits for' : 'cancel it'),
    ]
    const lines = fill(choices, dim('  ·  '), (cli.io.stdout.columns ?? 80) - 3)
    on.ask(['', ...lines.map(line => `  ${line}`), dim(`  detaches in ${secondsLeft} s`)])
  }
  return {
    close,
    key(key) {
      if (timer === undefined) {
        if (key !== KEY.ctrlC) return
        secondsLeft = ASK_SECONDS
        timer = setInterval(() => (--secondsLeft > 0 ? ask() : answer(() => on.detach(INTERRUPTED))), 1000)
        return ask()
      }
      if (key === KEY.ctrlC || key === 'd' || key === 'D') answer(() => on.detach(INTERRUPTED))
      else if (key === 'c' || key === 'C') answer(cancel)
      else if (key === KEY.enter || key === KEY.newline || key === KEY.escape) answer(() => {})
    },
  }
}

/** Runs something that has no end of its own. @returns 0, or the exit code of the signal that ended it */
export async function untilInterrupted(cli: Cli, work: (signal: AbortSignal) => Promise<void>): Promise<number> {
  const stop = new AbortController()
  let code: number | undefined
  const stopListening = listenSignals(cli, exitCode => {
    code = exitCode
    stop.abort()
  })
  try {
    await work(stop.signal)
  } catch (error) {
    if (code === undefined) throw error
  } finally {
    stopListening()
  }
  return code ?? 0
}
