/**
 * What is piped into `fettle run`, and what its command prints, on the way: through named pipes, which the command's side opens. So
 * every byte comes as it is written, as fast as it is read, and an agent that ends in between takes nothing with it.
 *
 * What is printed passes with its secrets hidden, for the log of a CI job is read by many; raw, byte by byte, where it was asked for.
 */
import { fstatSync } from 'node:fs'
import { join } from 'node:path'
import { makeFifos } from '../lib/fifo.ts'
import { makePipesFolder } from '../lib/pipes-folder.ts'
import { removeTree } from '../lib/remove-tree.ts'
import type { Cli } from './cli.ts'
import type { Io, OutputStream } from './io.ts'
import { showMasked } from './masked-output.ts'
import { forwardInput } from './piped-input.ts'
import { openOutput, showRaw } from './piped-output.ts'
import { openSession, type Session } from './session.ts'

export interface Pipes {
  /** As the agent takes them. */
  request: { stdin?: string; output?: { stdout: string; stderr: string }; terminal?: Session['request'] }
  /** Passes on what the operation's command prints, from now on. Only ever rejects: when that can not be shown any more. */
  show(cli: Cli, operation: string): Promise<never>
  /** How many secrets were hidden in it. */
  readonly hidden: number
  /** Resolves once everything was passed on. To be called when the command has ended. */
  drain(): Promise<void>
  /** Nobody reads any more. Idempotent. */
  close(): Promise<void>
}

/** @throws FettleError UNSUPPORTED where no named pipe can be made */
export async function openPipes(io: Io, wanted: { input: boolean; output: boolean; terminal: boolean; raw: boolean }): Promise<Pipes> {
  const folder = await makePipesFolder()
  const [stdin, stdout, own] = ['stdin', 'stdout', 'stderr'].map(name => join(folder, name)) as [string, string, string]
  // What a terminal shows is its user's: nothing of it is kept, as would be of what goes to standard error.
  const stderr = !wanted.terminal && isSamePlace(io.stdout, io.stderr) ? stdout : own
  const outputs = [[stdout, io.stdout] as const, ...(stderr === stdout ? [] : [[stderr, io.stderr] as const])]
  await makeFifos(...(wanted.input ? [stdin] : []), ...(wanted.output ? outputs.map(([path]) => path) : []))
  const session = wanted.terminal ? openSession(io, join(folder, 'terminal')) : undefined
  const input = wanted.input ? forwardInput(io.stdin, stdin) : undefined
  const printed = wanted.output ? outputs.map(([path, to]) => ({ to, pipe: openOutput(path) })) : []
  const closed = new AbortController()
  // The program must not end before the folder is gone.
  const waits = (): void => {}
  io.unread?.on('unread', waits)
  let hidden = 0
  return {
    request: {
      ...(wanted.input ? { stdin } : {}),
      ...(wanted.output ? { output: { stdout, stderr } } : {}),
      ...(session === undefined ? {} : { terminal: session.request }),
    },
    show(cli, operation) {
      const masking = {
        operation,
        live: wanted.terminal,
        signal: closed.signal,
        onHidden(times: number) {
          hidden += times
        },
      }
      const shown = printed.map(({ to, pipe }) => pipe.show(from => (wanted.raw ? showRaw(from, to) : showMasked(cli, from, to, masking))))
      return new Promise((_resolve, reject) => void Promise.all(shown).catch(reject))
    },
    get hidden() {
      return hidden
    },
    async drain() {
      await Promise.all(printed.map(({ pipe }) => pipe.drain()))
    },
    async close() {
      closed.abort()
      for (const pipe of [input, session, ...printed.map(({ pipe }) => pipe)]) pipe?.close()
      await removeTree(folder)
      io.unread?.off('unread', waits)
    },
  }
}

/** A terminal, or a file that both go to: then one pipe keeps the order of what comes. */
function isSamePlace(...streams: [OutputStream, OutputStream]): boolean {
  const [one, other] = streams.map(({ fd }) => (fd === undefined ? undefined : fstatSync(fd)))
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino
}
