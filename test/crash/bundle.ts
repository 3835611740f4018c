/** The built program, copied aside: a run is of one version from beginning to end, whatever is built meanwhile. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../../src/lib/files.ts'

const checkout = join(import.meta.dirname, '../..')

/** Builds fettle when that is stale. @returns `folder`, which then holds agent.js and what it starts */
export async function copyBundle(folder: string): Promise<string> {
  const child = spawn('sh', ['scripts/setup.sh', 'build'], { cwd: checkout, stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`building fettle ended with status ${code}`)
  const digest = (await readFile(join(checkout, 'dist/current'), 'utf8')).trim()
  await cp(join(checkout, 'dist', digest), folder, { recursive: true })
  return folder
}

/** The same program under another version, in a folder of its own, as an upgrade brings it. */
export async function copyAsVersion(bundle: string, folder: string, version: string): Promise<string> {
  await cp(bundle, folder, { recursive: true })
  const manifest: { version: string } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8'))
  for (const name of (await readdir(folder)).filter(name => name.endsWith('.js'))) {
    const text = await readFile(join(folder, name), 'utf8')
    await writeFile(join(folder, name), text.replaceAll(JSON.stringify(manifest.version), JSON.stringify(version)))
  }
  return folder
}

/**
 * Moves the wall clock of every program of fettle (agent, front, relay, data worker; not the kernel's, which dates files) that is started
 * from this bundle. @returns what sets by how much, at once and also for those that run
 */
export async function shiftClock(bundle: string): Promise<(ms: number) => Promise<void>> {
  const shift = (ms: number) => writeFileAtomic(join(bundle, 'shift'), String(ms))
  await shift(0)
  await cp(join(import.meta.dirname, 'shifted-clock.js'), join(bundle, 'shifted-clock.js'))
  for (const program of ['agent.js', 'front.js', 'relay.js', 'worker.js', 'sealer.js']) {
    const path = join(bundle, program)
    await writeFile(path, `import './shifted-clock.js'\n${await readFile(path, 'utf8')}`)
  }
  return shift
}
