/**
 * Proofs: `<id>.proofs.ndjson` beside the manifest. Each line names its snapshot and carries a checksum over the rest of it: that a drill
 * failed must not be lost with a byte, nor what was shown of one snapshot be believed of another.
 */
import { open } from 'node:fs/promises'
import * as z from 'zod'
import type { Json } from '../../../core/json.ts'
import { Proof, type SnapshotName } from '../../../core/snapshot.ts'
import { readIfExists } from '../../../lib/files.ts'
import { checksumOf } from './checksum.ts'
import { proofsOf } from './layout.ts'

const Line = z.strictObject({
  snapshot: z.strictObject({ app: z.string(), environment: z.string(), id: z.string() }),
  proof: Proof,
  checksum: z.string(),
})

/** Closes a line that a crash cut off: it was never reported as written. */
const TORN = ' (cut off)'
/** The end of a line; within a text its quotes would be escaped. */
const END = /"checksum":"[0-9a-f]{64}"\}/
const isTorn = (tail: string): boolean => !END.test(tail)

/**
 * In the order in which they were added. A whole line that can not be read, or is of another snapshot, is a failure: it may have told of one.
 * @param manifest its path
 */
export async function readProofs(manifest: string, name: SnapshotName): Promise<Proof[]> {
  const path = proofsOf(manifest)
  const lines = ((await readIfExists(path)) ?? '').split('\n')
  if (isTorn(lines.at(-1) ?? '')) lines.pop()
  const proofs: Proof[] = []
  for (const [index, line] of lines.entries()) {
    if (line === '' || line.endsWith(TORN)) continue
    proofs.push(parseProof(line, name) ?? unreadable(`${path}:${index + 1}`, proofs.at(-1)?.at ?? 0))
  }
  return proofs
}

/** One appended line: two that add at once both stay. */
export async function appendProof(manifest: string, { app, environment, id }: SnapshotName, proof: Proof): Promise<void> {
  const path = proofsOf(manifest)
  const tail = (await readIfExists(path))?.split('\n').at(-1) ?? ''
  const before = tail === '' ? '' : isTorn(tail) ? `${TORN}\n` : '\n'
  const content = { snapshot: { app, environment, id }, proof }
  const file = await open(path, 'a', 0o600)
  try {
    await file.write(`${before}${JSON.stringify({ ...content, checksum: checksumOf(content) })}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}

function parseProof(line: string, { app, environment, id }: SnapshotName): Proof | undefined {
  try {
    const { checksum, ...content } = JSON.parse(line) as { [key: string]: Json }
    const { snapshot, proof } = Line.parse({ ...content, checksum })
    const isItsOwn = snapshot.app === app && snapshot.environment === environment && snapshot.id === id
    // Over what the line holds, not what the schema kept of it.
    return isItsOwn && checksum === checksumOf(content) ? proof : undefined
  } catch {
    return undefined // Told as a failure, with its place.
  }
}

const unreadable = (place: string, at: number): Proof => ({
  rung: 'stored',
  at,
  operation: '',
  durationMs: 0,
  compared: 0,
  passed: false,
  note: `a line of its proofs can not be read: ${place}`,
})
