/** Disks of their own for tests: small ones, and full ones. */
import { execFile } from 'node:child_process'
import { mkdir, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { after } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Why a test is left out. */
export const needsRoot = (): string | false => (process.getuid?.() === 0 ? false : 'only root can mount a small disk')

export const mount = (...args: string[]): Promise<unknown> => run('mount', args)
export const unmount = (folder: string): Promise<unknown> => run('umount', ['--lazy', folder])

/** Gone with the tests of the file. */
export async function mountDisk(folder: string, megabytes: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  await mount('-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder)
  after(() => unmount(folder))
}

/** Nothing more can be written there. @returns what ends that */
export async function fill(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'filler')
  const { bavail, bsize } = await statfs(folder)
  const file = await open(path, 'w')
  await file.writeFile(Buffer.alloc(bavail * bsize)).catch(() => {})
  await file.close()
  return () => rm(path)
}
