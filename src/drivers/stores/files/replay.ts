/** The members of a part's archives in order: the full one, then each delta with the names it deletes first. */
import { createHash } from 'node:crypto'
import { FettleError } from '../../../core/errors.ts'
import type { SnapshotPart, Source } from '../../../ports/store.ts'
import { DELETED, DELTA, FULL } from './content.ts'
import type { Hashed, RawPath } from './entry.ts'
import { bodyText, type Member, readTar } from './tar-read.ts'

export type Step = { kind: 'deleted'; paths: RawPath[] } | { kind: 'member'; member: Member }

export async function* readMembers(part: SnapshotPart, source: Source): AsyncGenerator<Step> {
  for (const [position, object] of part.objects.entries()) {
    const expected = position === 0 ? FULL : DELTA
    if (object.content !== expected)
      throw new FettleError('DAMAGED', `object ${position + 1} of store ${part.store} is a ${object.content}, expected a ${expected}`)
    let isHead = expected === DELTA
    for await (const member of readTar(source.read(object))) {
      if (!isHead) yield { kind: 'member', member }
      else if (member.entry.path === DELETED) yield { kind: 'deleted', paths: deletedPaths(await bodyText(member)) }
      else throw new FettleError('DAMAGED', `a delta of store ${part.store} does not begin with ${DELETED}`)
      isHead = false
    }
  }
}

/** What the part holds, without writing it anywhere. */
export async function entriesOf(part: SnapshotPart, source: Source, signal: AbortSignal): Promise<Map<RawPath, Hashed>> {
  const entries = new Map<RawPath, Hashed>()
  for await (const step of readMembers(part, source)) {
    signal.throwIfAborted()
    if (step.kind === 'deleted') for (const path of step.paths) entries.delete(path)
    else entries.set(step.member.entry.path, { ...step.member.entry, sha: await shaOf(step.member) })
  }
  return entries
}

async function shaOf({ entry, body }: Member): Promise<string> {
  if (entry.kind !== 'file') return ''
  const hash = createHash('sha256')
  for await (const piece of body) hash.update(piece)
  return hash.digest('binary')
}

const deletedPaths = (names: RawPath): RawPath[] =>
  names
    .split('\0')
    .slice(0, -1)
    .map(name => name.slice('./'.length))
