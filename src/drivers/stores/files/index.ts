/**
 * Folders of files, as standard tar archives: a full one, and deltas on it while little changes. Covered: regular files, folders,
 * symbolic links, modes, owners, times. Not covered: sockets, pipes, devices (named in the snapshot), extended attributes; hard links
 * come back as separate files, holes as zeros.
 */
import { existsSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { relative } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { FettleError } from '../../../core/errors.ts'
import { makeFolder } from '../../../lib/files.ts'
import type { DumpOptions, Loss, SnapshotPart, Source, Store } from '../../../ports/store.ts'
import { FilesConfig, rootPath } from './config.ts'
import { dump } from './dump.ts'
import { fingerprintOfTree, type Hashed, itemOf } from './entry.ts'
import { hashFile } from './pack.ts'
import { entriesOf } from './replay.ts'
import { unpack } from './unpack.ts'
import { walk } from './walk.ts'

const FILES_PER_TURN = 200

export const filesStore: Store<FilesConfig> = {
  driver: 'files',
  config: FilesConfig,
  equality: 'of-the-dump',
  path: rootPath,
  create: async (folder, config) => {
    await makeFolder(rootPath(folder, config))
  },
  dump,
  load: (part, source, folder, config, options) => unpack(part, source, rootPath(folder, config), options),
  fingerprint: async (folder, config, signal) => fingerprintOfTree(await hashTree(rootPath(folder, config), signal)),
  changedSince,
  countFiles,
}

async function hashTree(root: string, signal: AbortSignal): Promise<Hashed[]> {
  const { entries } = await walk(root, signal)
  const hashed: Hashed[] = []
  for (const [position, entry] of entries.entries()) {
    const sha = entry.kind === 'file' ? hashFile(root, entry) : ''
    if (sha !== undefined) hashed.push({ ...entry, sha })
    if (position % FILES_PER_TURN > 0) continue
    await turn()
    signal.throwIfAborted()
  }
  return hashed
}

async function changedSince(
  part: SnapshotPart,
  source: Source,
  folder: string,
  config: FilesConfig,
  { signal }: Pick<DumpOptions, 'signal'>,
): Promise<Loss> {
  const before = await entriesOf(part, source, signal)
  const root = rootPath(folder, config)
  if (!existsSync(root)) return { items: {}, precision: 'exact' }
  const items = new Map<string, number>()
  for (const entry of await hashTree(root, signal)) {
    if (entry.kind === 'folder' || isKept(entry, before.get(entry.path))) continue
    const item = itemOf(entry)
    items.set(item, (items.get(item) ?? 0) + 1)
  }
  return { items: Object.fromEntries(items), precision: 'exact' }
}

/** A time alone is no content: nobody loses anything by it. */
const isKept = (now: Hashed, before: Hashed | undefined) =>
  before !== undefined &&
  before.kind === now.kind &&
  before.sha === now.sha &&
  before.target === now.target &&
  (now.kind === 'link' || before.mode === now.mode)

async function countFiles(folder: string, config: FilesConfig, pattern: string): Promise<number> {
  const cwd = rootPath(folder, config)
  let files = 0
  for await (const found of glob(pattern, { cwd, withFileTypes: true })) {
    if (/^\.\.(\/|$)/.test(relative(cwd, found.parentPath))) throw new FettleError('TEST_FAILED', `${pattern} leads out of the store`)
    if (found.isFile()) files++
  }
  return files
}
