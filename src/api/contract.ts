/**
 * What each endpoint takes and gives. Answers are typed by the types the agent works with; requests are parsed, since they come from
 * outside. A GET's input is its query; `:id` is taken from the path and is part of the input.
 */

import * as z from 'zod'
import { LONGEST_LABEL, PLAIN_LINE } from '../core/label.ts'
import { MOST_COUNTED } from '../core/limits.ts'
import type { OperationEvent, OperationRecord, Plan } from '../core/plan.ts'
import type { LogLine } from '../ports/runtime.ts'
import type { EndpointName } from './endpoints.ts'
import type {
  About,
  DoctorReport,
  EnvironmentStatus,
  ForeignView,
  MaskedPiece,
  ReleaseView,
  SecretsView,
  SnapshotView,
  UnreadableView,
} from './views.ts'

/** Which app: by its file (`fettle.yaml`, absolute path) or, where the file is gone, by name. */
/** No path has a NUL in it. */
const path = z.string().regex(/^[^\0]*$/, 'is no path: it has a NUL in it')
const target = { file: path.optional(), app: z.string().optional(), environment: z.string().optional() }
const flag = z.stringbool().or(z.boolean()).default(false)
const basis = z.record(z.string(), z.string())
const number = z.coerce.number().int().nonnegative()

export const OperationRequest = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('deploy'),
    ...target,
    rehearse: z.enum(['on', 'newest-proven', 'off']).optional(),
    acceptUnproven: flag,
    /** Absolute paths of files in the source that are not part of it: where the output of whoever asks goes. */
    leaveOut: z.array(z.string()).optional(),
  }),
  z.strictObject({
    kind: z.literal('rollback'),
    ...target,
    release: z.string().optional(),
    /** `keep`: the data stays as it is; else the id of the snapshot to go back to. */
    data: z.string().default('keep'),
  }),
  z.strictObject({ kind: z.literal('restart'), ...target }),
  z.strictObject({
    kind: z.literal('scale'),
    ...target,
    instances: z
      .record(z.string(), z.coerce.number().int().min(0).max(MOST_COUNTED))
      .refine(instances => Object.keys(instances).length > 0, 'expected a service and a count'),
  }),
  z.strictObject({ kind: z.literal('stop'), ...target }),
  z.strictObject({ kind: z.literal('down'), ...target }),
  z.strictObject({
    kind: z.literal('backup'),
    ...target,
    /** One that has it is not displaced by later ones of its day; default: `by hand`. */
    label: z
      .string()
      .max(LONGEST_LABEL, `at most ${LONGEST_LABEL} characters`)
      .regex(PLAIN_LINE, 'expected one line of plain text')
      .optional(),
    /** Also where the repository of earlier snapshots is not there any more. */
    newRepository: z.stringbool().or(z.boolean()).optional(),
  }),
  z.strictObject({
    kind: z.literal('restore'),
    ...target,
    /** Id, or `newest` / `newest-proven`. */
    snapshot: z.string().default('newest-proven'),
    stores: z.array(z.string()).optional(),
    /** Folder to restore into, beside what is live; live data is not touched. */
    to: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('drill'), ...target, snapshot: z.string().default('newest') }),
  z.strictObject({ kind: z.literal('test'), ...target }),
  z.strictObject({
    kind: z.literal('run'),
    ...target,
    argv: z.array(z.string()).min(1),
    /** Take this service's environment; default the first service's. */
    service: z.string().optional(),
    /** A named pipe on the agent's host that becomes its standard input, removed as soon as it is opened; else it has none. */
    stdin: z.string().optional(),
    /** Named pipes on the agent's host that get its output byte by byte, secrets too (`mask` hides them); one path for both keeps their order. */
    output: z.strictObject({ stdout: z.string(), stderr: z.string() }).optional(),
    /** It gets a terminal of its own, of this kind and size, which writes its name to the file. */
    terminal: z
      .strictObject({ file: z.string(), type: z.string(), colours: z.string(), columns: z.int().min(0), rows: z.int().min(0) })
      .optional(),
  }),
])
export type OperationRequest = z.input<typeof OperationRequest>

export const requests = {
  about: z.strictObject({}),
  status: z.strictObject({ ...target }),
  /** With the basis of a plan that was saved: that plan again, or refused because the world moved. */
  plan: z.strictObject({ request: OperationRequest, basis: basis.optional() }),
  /** Either a request, planned and begun at once, or a plan that was shown: begun exactly, or refused because the world moved. */
  start: z.strictObject({ request: OperationRequest, basis: basis.optional() }),
  operations: z.strictObject({ ...target, limit: number.max(1000).default(20) }),
  operation: z.strictObject({ id: z.string() }),
  events: z.strictObject({ id: z.string(), after: number.default(0), follow: flag }),
  /**
   * Hides secrets in what the operation's command printed, which is the body, while it comes. `covered`: of the last piece, where another
   * agent had begun. `live`: somebody waits for each byte, so nothing is held back for long.
   */
  mask: z.strictObject({ id: z.string(), covered: number.default(0), live: flag }),
  /** `now`: also a migration of live data is broken off, in the middle of what it does. */
  cancel: z.strictObject({ id: z.string(), now: flag }),
  resume: z.strictObject({ id: z.string(), direction: z.enum(['forward', 'back']).default('forward') }),
  releases: z.strictObject({ ...target }),
  snapshots: z.strictObject({ ...target }),
  logs: z.strictObject({
    ...target,
    service: z.string().optional(),
    operation: z.string().optional(),
    follow: flag,
    lines: number.default(200),
    sinceMs: number.optional(),
    cursor: z.string().optional(),
  }),
  secrets: z.strictObject({ ...target }),
  setSecret: z.strictObject({ ...target, name: z.string(), value: z.string(), rotated: flag }),
  removeSecret: z.strictObject({ ...target, name: z.string() }),
  doctor: z.strictObject({ ...target }),
  enable: z.strictObject({ enable: z.boolean().default(true) }),
  /** `everything`: also the front and all services. */
  shutdown: z.strictObject({ everything: z.boolean().default(false) }),
} satisfies Record<EndpointName, z.ZodType>

/** What the endpoints answer; arrays marked as streams come as one JSON text a line (application/x-ndjson). */
export interface Answers {
  about: About
  status: { agent: About; environments: EnvironmentStatus[] }
  plan: Plan
  start: OperationRecord
  operations: { operations: OperationRecord[] }
  operation: OperationRecord
  events: Stream<OperationEvent>
  mask: Stream<MaskedPiece>
  cancel: OperationRecord
  resume: OperationRecord
  releases: { releases: ReleaseView[] }
  snapshots: {
    snapshots: SnapshotView[]
    foreign: ForeignView[]
    unreadable: UnreadableView[]
    absent: string[]
    gone?: string | undefined
    lack?: string | undefined
  }
  logs: Stream<LogLine>
  secrets: SecretsView
  setSecret: SecretsView
  removeSecret: SecretsView
  doctor: DoctorReport
  enable: { how: string }
  shutdown: { ended: string[] }
}

export interface Stream<Line> {
  readonly stream: Line
}

export type Request<Name extends EndpointName> = z.input<(typeof requests)[Name]>
export type ParsedRequest<Name extends EndpointName> = z.output<(typeof requests)[Name]>
