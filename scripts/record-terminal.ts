/**
 * `node scripts/record-terminal.ts <file.cast> <program> [argument…]`: runs it and writes what it printed, with the time of each line, as an
 * asciicast (version 2), which asciinema plays and terminal-picture.ts draws.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { writeFileAtomic } from '../src/lib/files.ts'

const [, , file = '', program = '', ...args] = process.argv
const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, FORCE_COLOR: '1', LANG: 'C.UTF-8' } })
const startedAt = performance.now()
const events: string[] = []
const ended = once(child, 'close')
for await (const line of createInterface({ input: child.stdout })) {
  const seconds = Math.round(performance.now() - startedAt) / 1000
  events.push(JSON.stringify([seconds, 'o', `${line}\r\n`]))
  process.stdout.write(`${line}\n`)
}
const [code] = await ended
if (code !== 0) throw new Error(`${program} ended with status ${code}: nothing is written`)
const head = JSON.stringify({ version: 2, width: 80, height: 30, title: [program.replace(/^\.\//, ''), ...args].join(' ') })
await writeFileAtomic(file, `${[head, ...events].join('\n')}\n`)
