/** The example application, assembled in a temporary folder and started by plain Node, without fettle. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

const examples = join(import.meta.dirname, '../../examples')

export type GuestbookVersion = 'v1' | 'v2' | 'v3' | 'v4'

/** The base with the files of one version over it. */
export async function assembleGuestbook(version: GuestbookVersion, into: string): Promise<void> {
  await cp(join(examples, 'guestbook'), into, { recursive: true })
  await cp(join(examples, 'guestbook-versions', version), into, { recursive: true })
}

export interface Guestbook {
  url: string
  child: ChildProcess
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** A data folder in which versions are migrated and started, one after the other or side by side. All ends with the test. */
export async function guestbookData(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-guestbook-'))
  const children: ChildProcess[] = []
  t.after(async () => {
    await Promise.all(children.map(ended))
    await rm(folder, { recursive: true })
  })
  const database = join(folder, 'guestbook.db')
  const env = { PATH: process.env.PATH, DATABASE: database, UPLOADS: join(folder, 'uploads'), PORT: '0' }
  const code = async (version: GuestbookVersion) => {
    const into = join(folder, version)
    await assembleGuestbook(version, into)
    return into
  }
  const spawnNode = async (version: GuestbookVersion, script: string) => {
    const child = spawn(process.execPath, [script], { cwd: await code(version), env, stdio: ['ignore', 'pipe', 'ignore'] })
    children.push(child)
    const [line] = await once(createInterface(child.stdout), 'line')
    return { child, line: String(line) }
  }
  return {
    database,
    /** Exit status and output of `migrate.js`. */
    async migrate(version: GuestbookVersion) {
      const { status, stderr } = spawnSync(process.execPath, ['migrate.js'], { cwd: await code(version), env, encoding: 'utf8' })
      return { status, stderr }
    },
    async start(version: GuestbookVersion): Promise<Guestbook> {
      const { child, line } = await spawnNode(version, 'server.js')
      return { child, url: `http://127.0.0.1:${line.split(' ').at(-1)}` }
    },
    startDigest: (version: GuestbookVersion) => spawnNode(version, 'digest.js'),
  }
}
