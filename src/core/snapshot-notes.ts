/** What a snapshot does not hold, or not as of one moment: in words, each with its store. */
import type { SnapshotPart } from './snapshot.ts'

export function snapshotNotes(parts: readonly Pick<SnapshotPart, 'store' | 'notes' | 'moreNotes'>[]): string[] {
  return parts.flatMap(({ store, notes = [], moreNotes = 0 }) => [
    ...notes.map(note => `${store}: ${note}`),
    ...(moreNotes === 0 ? [] : [`${store}: ${moreNotes} more`]),
  ])
}

export const countNotes = (parts: readonly Pick<SnapshotPart, 'notes' | 'moreNotes'>[]): number =>
  parts.reduce((sum, { notes = [], moreNotes = 0 }) => sum + notes.length + moreNotes, 0)

/** The first few, and where the others stand; undefined where there is none. */
export function briefNotes(parts: readonly SnapshotPart[], most = 3): string | undefined {
  const count = countNotes(parts)
  if (count === 0) return undefined
  const first = parts.flatMap(({ store, notes = [] }) => notes.map(note => `${store}: ${note}`)).slice(0, most)
  const rest = count - first.length
  return rest > 0 ? `${first.join('; ')}; and ${rest} more (\`fettle snapshots\`)` : first.join('; ')
}
