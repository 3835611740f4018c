/**
 * What is piped into `fettle run`, and what its command prints, on the way: through named pipes, which the command's side opens. So
 * every byte comes as it is written, as fast as it is read, and neither agent nor journal sees it.
 *
 * The bytes are those that the user's own command writes, secrets too, as with every tool that runs a command elsewhere: a dump with a
 * mask in it is a broken dump. What fettle keeps and shows of them later is masked.
 */
import { fstatSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeFifos } from '../lib/fifo.ts'
import type { Io, OutputStream } from './io.ts'
import { forwardInput } from './piped-input.ts'
import { forwardOutput } from './piped-output.ts'
import { openSession, type Session } from './session.ts'

export interface Pipes {
  /** As the agent takes them. */
  request: { stdin?: string; output?: { stdout: string; stderr: string }; terminal?: Session['request'] }
  /** Resolves once everything was passed on. To be called when the command has ended. */
  drain(): Promise<void>
  /** Nobody reads any more. Idempotent. */
  close(): Promise<void>
}

/** @throws FettleError UNSUPPORTED where no named pipe can be made */
export async function openPipes(io: Io, wanted: { input: boolean; output: boolean; terminal: boolean }): Promise<Pipes> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-pipes-'))
  const [stdin, stdout, own] = ['stdin', 'stdout', 'stderr'].map(name => join(folder, name)) as [string, string, string]
  // What a terminal shows is its user's: nothing of it is kept, as would be of what goes to standard error.
  const stderr = !wanted.terminal && isSamePlace(io.stdout, io.stderr) ? stdout : own
  const outputs = [[stdout, io.stdout] as const, ...(stderr === stdout ? [] : [[stderr, io.stderr] as const])]
  await makeFifos(...(wanted.input ? [stdin] : []), ...(wanted.output ? outputs.map(([path]) => path) : []))
  const session = wanted.terminal ? openSession(io, join(folder, 'terminal')) : undefined
  const input = wanted.input ? forwardInput(io.stdin, stdin) : undefined
  const forwarded = wanted.output ? outputs.map(([path, stream]) => forwardOutput(path, stream)) : []
  return {
    request: {
      ...(wanted.input ? { stdin } : {}),
      ...(wanted.output ? { output: { stdout, stderr } } : {}),
      ...(session === undefined ? {} : { terminal: session.request }),
    },
    async drain() {
      await Promise.all(forwarded.map(output => output.drain()))
    },
    async close() {
      for (const pipe of [input, session, ...forwarded]) pipe?.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A terminal, or a file that both go to: then one pipe keeps the order of what comes. */
function isSamePlace(...streams: [OutputStream, OutputStream]): boolean {
  const [one, other] = streams.map(({ fd }) => (fd === undefined ? undefined : fstatSync(fd)))
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino
}
