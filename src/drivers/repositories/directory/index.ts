/**
 * Snapshots in a plain folder: zstd inside standard age files, and readable manifests. Restorable with `age`, `zstd` and the
 * database's own tool. Objects are never changed once written, so snapshots may share them.
 */

import { randomUUID } from 'node:crypto'
import { readFile, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import * as z from 'zod'
import { FettleError, toFettleError } from '../../../core/errors.ts'
import { refuseNewer } from '../../../core/file-format.ts'
import { canonicalJson, type Json } from '../../../core/json.ts'
import type { Secret } from '../../../core/secret.ts'
import { exists, fsyncFolder, makeFolder, namesIn, readIfExists, writeFileAtomic } from '../../../lib/files.ts'
import { removeTree } from '../../../lib/remove-tree.ts'
import type { Listed, Manifest, Repository, SnapshotName } from '../../../ports/repository.ts'
import type { SnapshotPart, StoredObject } from '../../../ports/store.ts'
import { collect, referredNow, referredTo } from './garbage.ts'
import { howToRestore } from './how.ts'
import { type FaultPoint, Layout } from './layout.ts'
import {
  manifestPath,
  parseManifest,
  readManifests,
  removeManifest,
  removeOrphanedProofs,
  requireManifest,
  writeManifest,
} from './manifests.ts'
import { readObject, storedBytes, writeObject } from './objects.ts'
import { appendProof, readProofs } from './proofs.ts'
import { README } from './readme.ts'

export interface DirectoryOptions {
  folder: string
  /** Public keys, `age1…`, that every object is sealed for. Taking a backup needs no secret. */
  recipients: string[]
  /** Asked for only when something is read back. */
  identity?: () => Promise<Secret>
  /** Which of these public keys are those of whoever uses it. Default: all. */
  ownAmong?: (publicKeys: string[]) => Promise<string[]>
  /** Who uses the repository, when several do: each sees its own open transactions only. Default: the name of the machine. */
  owner?: string
  fault?: (point: FaultPoint) => Promise<void> | void
}

const Mark = z.object({ format: z.number(), id: z.string() })

export function createDirectoryRepository(options: DirectoryOptions): Repository {
  const layout = new Layout(options.folder, options.owner ?? hostname())
  const fault = options.fault ?? (() => {})
  const identity =
    options.identity ??
    (() => Promise.reject(new FettleError('SECRET_LOCKED', `reading ${layout.folder} needs the key its objects were sealed for`)))

  async function open(): Promise<void> {
    await requireFolder(layout.folder)
    try {
      for (const folder of [layout.objects, layout.pending, layout.snapshots]) await makeFolder(folder, 0o700)
      if ((await readIfExists(layout.readme)) !== README) await writeFileAtomic(layout.readme, README)
      if ((await id()) === undefined) await writeFileAtomic(layout.mark, `${JSON.stringify({ format: 1, id: randomUUID() })}\n`)
    } catch (error) {
      throw toFettleError(error, `opening the repository ${layout.folder}`)
    }
  }

  async function id(): Promise<string | undefined> {
    await requireFolder(layout.folder)
    const text = await readIfExists(layout.mark)
    if (text === undefined) return undefined
    const mark = parseMark(text)
    refuseNewer(mark?.format, 1, layout.mark)
    return mark?.id
  }

  async function begin(operation: string): Promise<void> {
    await makeFolder(layout.transaction(operation), 0o700)
    await fsyncFolder(layout.pending)
  }

  async function commit(operation: string, manifest: Manifest): Promise<void> {
    if (!(await isCommitted(layout, manifest))) {
      await requireObjects(layout, manifest)
      await writeManifest(layout, manifest, () => fault('manifest-written')).catch(error => {
        throw toFettleError(error, `writing the manifest of snapshot ${manifest.id}`)
      })
      await fault('manifest-renamed')
      // Again, because another user may have removed an object meanwhile that this snapshot refers to.
      await requireObjects(layout, manifest).catch(async error => {
        await removeManifest(layout, manifest)
        throw error
      })
    }
    await removeTree(layout.transaction(operation))
  }

  async function pending(): Promise<string[]> {
    const open: string[] = []
    const known = referredTo((await readManifests(layout)).manifests)
    for (const folder of await namesIn(layout.pending)) {
      const operation = layout.operationOf(folder)
      if (operation === undefined) continue
      const names = await namesIn(layout.transaction(operation))
      // Committed, and stopped before it was tidied up.
      if (!names.some(name => known.has(name))) open.push(operation)
    }
    return open.sort()
  }

  async function abandon(operation: string): Promise<void> {
    const folder = layout.transaction(operation)
    const names = await namesIn(folder)
    const { manifests, unreadable } = await readManifests(layout)
    const known = referredTo(manifests)
    // With an unreadable manifest it is not known what is committed: then the objects stay, for `forget` to collect.
    if (unreadable.length === 0)
      for (const name of names.filter(name => !known.has(name))) {
        await rm(layout.object(name), { force: true })
        await rm(`${layout.object(name)}.tmp`, { force: true })
      }
    await fault('abandon-emptied')
    await removeTree(folder)
  }

  async function get(name: SnapshotName): Promise<Manifest> {
    const path = await requireManifest(layout, name)
    return parseManifest(await readFile(path, 'utf8'), path)
  }

  /** Older manifests do not say for whom they are sealed: they count as one's own. */
  async function list(app: string, environment: string): Promise<Listed> {
    await requireFolder(layout.folder)
    const { manifests, unreadable } = await readManifests(layout, app, environment)
    const keys = [...new Set(manifests.flatMap(({ recipients = [] }) => recipients))]
    const ownKeys = new Set(await (options.ownAmong?.(keys) ?? keys))
    const isOwn = ({ recipients }: Manifest) => recipients?.some(key => ownKeys.has(key)) ?? true
    const { own = [], foreign = [] } = Object.groupBy(manifests, manifest => (isOwn(manifest) ? 'own' : 'foreign'))
    return { own, foreign, unreadable }
  }

  async function isReusable(part: SnapshotPart): Promise<boolean> {
    for (const object of part.objects) if (!(await isThere(layout, object)) || (await exists(layout.damageMark(object.name)))) return false
    const names = new Set(part.objects.map(object => object.name))
    for (const manifest of (await readManifests(layout)).manifests) {
      if (!manifest.parts.some(other => other.objects.some(object => names.has(object.name)))) continue
      // Sealed for somebody else, they would not open with the others.
      if (options.recipients.some(key => manifest.recipients?.includes(key) === false)) return false
      // That an app did not start on it says nothing about its bytes.
      if ((await readProofs(manifestPath(layout, manifest), manifest)).some(({ passed, rung }) => !passed && rung !== 'booted'))
        return false
    }
    return true
  }

  async function verify(manifest: Manifest, signal: AbortSignal): Promise<{ objects: number; bytes: number }> {
    const objects = new Map(manifest.parts.flatMap(part => part.objects).map(object => [object.name, object]))
    let bytes = 0
    for (const object of objects.values())
      for await (const piece of storedBytes(layout, object)) {
        signal.throwIfAborted()
        bytes += piece.length
      }
    return { objects: objects.size, bytes }
  }

  async function forget(names: readonly SnapshotName[]): Promise<{ freedBytes: number }> {
    await referredNow(layout)
    const { manifests } = await readManifests(layout)
    const paths = new Set(names.map(name => manifestPath(layout, name)))
    for (const manifest of manifests.filter(manifest => paths.has(manifestPath(layout, manifest)))) await removeManifest(layout, manifest)
    await fault('forget-manifests-removed')
    await removeOrphanedProofs(layout)
    return { freedBytes: await collect(layout, () => fault('forget-objects-aside')) }
  }

  return {
    open,
    id,
    begin,
    sink: operation => ({
      write: (content, payload) => writeObject(layout, operation, options.recipients, content, payload, fault),
    }),
    commit,
    pending,
    abandon,
    list,
    get,
    source: () => ({ read: object => readObject(layout, object, identity) }),
    isReusable,
    verify,
    howToRestore,
    proofs: async name => readProofs(await requireManifest(layout, name), name),
    addProof: async (name, proof) => appendProof(await requireManifest(layout, name), name, proof),
    forget,
  }
}

/** Nothing may be there yet. @throws FettleError REFUSED where a file lies in its place, or on the way to it */
async function requireFolder(folder: string): Promise<void> {
  const isInTheWay = await stat(folder).then(
    found => !found.isDirectory(),
    (error: NodeJS.ErrnoException) => error.code === 'ENOTDIR',
  )
  if (isInTheWay)
    throw new FettleError('REFUSED', `the repository ${folder} can not be opened: a file lies there, or on the way to it`, {
      hint: 'Name a folder under `backups: { repository: { directory: … } }` in fettle.yaml, or move the file away.',
    })
}

/** One that can not be read tells nothing, and is written anew. */
function parseMark(text: string): z.output<typeof Mark> | undefined {
  try {
    return Mark.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** @throws CONFLICT when another snapshot has this id */
async function isCommitted(layout: Layout, manifest: Manifest): Promise<boolean> {
  const path = manifestPath(layout, manifest)
  const text = await readIfExists(path)
  if (text === undefined) return false
  if (canonicalJson(parseManifest(text, path) as Json) === canonicalJson(manifest as Json)) return true
  throw new FettleError('CONFLICT', `there is another snapshot ${manifest.id} in ${layout.folder}`)
}

async function requireObjects(layout: Layout, manifest: Manifest): Promise<void> {
  for (const object of manifest.parts.flatMap(part => part.objects))
    if (!(await isThere(layout, object)))
      throw new FettleError('CONFLICT', `snapshot ${manifest.id} refers to the object ${object.name}, which is gone or cut short`, {
        hint: 'Take the backup again: it will write everything anew.',
        retryable: true,
      })
}

/** In full length; its bytes are not read. */
async function isThere(layout: Layout, object: StoredObject): Promise<boolean> {
  const path = layout.object(object.name)
  return (await exists(path)) && (await stat(path)).size === object.storedBytes
}
