/** What every act stands on, and what several of them do. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { SnapshotView } from '../api/views.ts'
import { FettleError } from '../core/errors.ts'
import { formatCount, plural } from '../core/format.ts'
import type { OperationRecord } from '../core/plan.ts'
import { bringVersion, type GuestbookVersion, type Place } from './place.ts'
import type { Terminal } from './terminal.ts'
import type { Count, Traffic } from './traffic.ts'

export interface Stage {
  place: Place
  terminal: Terminal
  traffic: Traffic
  /** Without a sandbox nothing is rehearsed here, and a drill ends at equal content. */
  hasSandbox: boolean
}

/** How long what follows an operation may take to begin. */
const FOLLOW_UP_MS = 10_000

export const secondsOf = ({ createdAt, endedAt }: OperationRecord): number => ((endedAt ?? createdAt) - createdAt) / 1000

export const clientsText = ({ sent, lost }: Count): string => `${plural(sent, 'request')} sent, ${formatCount(lost)} lost`

/** What a step put out; nothing when it did not succeed. */
export function outputOf(operation: OperationRecord, step: string): { [key: string]: unknown } {
  const output = operation.steps.find(record => record.id === step)?.output
  return typeof output === 'object' && output !== null && !Array.isArray(output) ? output : {}
}

/** Wall clock, ms. */
export const endOf = (operation: OperationRecord, step: string): number =>
  operation.steps.find(record => record.id === step)?.endedAt ?? operation.endedAt ?? operation.createdAt

/** @throws FettleError as the operation failed */
export async function done(operation: Promise<OperationRecord>): Promise<OperationRecord> {
  const ended = await operation
  if (ended.state === 'done') return ended
  throw ended.error === undefined
    ? new FettleError('INTERNAL', `${ended.plan.kind} ${ended.id} is ${ended.state}, and does not say why`)
    : FettleError.fromJSON(ended.error)
}

/** The guestbook of another version, as a person would copy it; `without` is a file that only the version before has. */
export async function bring({ place, terminal }: Stage, version: GuestbookVersion, without?: string): Promise<void> {
  if (without !== undefined) {
    terminal.typed(`rm ${without}`)
    await rm(join(place.project, without))
  }
  terminal.typed(`cp -r .../guestbook-versions/${version}/. .`)
  await bringVersion(place, version)
}

/** Follows what an operation brought about: the trial after a deploy, the rollback after a failed trial. */
export async function followUp({ terminal }: Stage, parent: OperationRecord, show: string[]): Promise<OperationRecord> {
  for (let waitedMs = 0; waitedMs < FOLLOW_UP_MS; waitedMs += 50) {
    const { operations } = await terminal.ask<{ operations: OperationRecord[] }>(['operations', 'list'])
    const found = operations.find(({ plan }) => plan.parent === parent.id)
    if (found !== undefined) return terminal.follow(found, show)
    await delay(50)
  }
  throw new FettleError('INTERNAL', `nothing followed ${parent.plan.kind} ${parent.id} within ${FOLLOW_UP_MS / 1000} s`)
}

export async function newestSnapshot(terminal: Terminal): Promise<SnapshotView> {
  const { snapshots } = await terminal.ask<{ snapshots: SnapshotView[] }>(['snapshots'])
  const [newest] = snapshots
  if (newest === undefined) throw new FettleError('NOT_FOUND', 'there is no snapshot, although one was taken')
  return newest
}
