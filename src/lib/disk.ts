/** Space on disks: what is free, what a folder takes. */
import type { BigIntStats } from 'node:fs'
import { lstat, readdir, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FettleError, FREE_SPACE } from '../core/errors.ts'
import { formatBytes } from '../core/format.ts'
import { joinBytes } from './byte-path.ts'

/** Bytes that this user may still write where `path` is, or will be: its nearest existing parent counts. */
export async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error
    return freeBytes(dirname(path))
  }
}

/** @param what the subject of the sentence, such as `a copy of the source` @throws FettleError DISK_FULL */
export async function requireSpace(path: string, bytes: number, what: string): Promise<void> {
  const free = await freeBytes(path)
  if (free >= bytes) return
  throw new FettleError('DISK_FULL', `${what} needs ${formatBytes(bytes)}, and ${path} has ${formatBytes(free)} free`, {
    hint: FREE_SPACE,
    context: { path, neededBytes: bytes, freeBytes: free },
  })
}

/** Bytes that a file or folder takes on its disk; a file of several names counts once, what is not there takes none, a link at the top is followed. */
export async function treeSize(path: string): Promise<number> {
  return sizeOf(Buffer.from(path), new Set(), stat)
}

async function sizeOf(path: Buffer, counted: Set<string>, look: typeof stat = lstat): Promise<number> {
  const stats = await statsIfExists(path, look)
  if (stats === undefined || isCounted(stats, counted)) return 0
  let sum = Number(stats.blocks) * 512
  if (stats.isDirectory()) for (const name of await namesIn(path)) sum += await sizeOf(joinBytes(path, name), counted)
  return sum
}

function isCounted(stats: BigIntStats, counted: Set<string>): boolean {
  if (stats.isDirectory() || stats.nlink === 1n) return false
  const file = `${stats.dev}:${stats.ino}`
  if (counted.has(file)) return true
  counted.add(file)
  return false
}

/** What is being measured may be in use: a file that goes away meanwhile is no failure. */
async function statsIfExists(path: Buffer, look: typeof stat): Promise<BigIntStats | undefined> {
  try {
    return await look(path, { bigint: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function namesIn(path: Buffer): Promise<Buffer[]> {
  try {
    return await readdir(path, { encoding: 'buffer' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
