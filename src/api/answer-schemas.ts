/** What each endpoint answers, as schemas, for the OpenAPI description: that they are what `contract.ts` promises is checked here. */
import * as z from 'zod'
import type { Answers, Stream } from './contract.ts'
import type { EndpointName } from './endpoints.ts'
import { ErrorView, OperationEvent, OperationRecord, Plan } from './operation-schemas.ts'
import { may, text } from './schema-words.ts'
import {
  About,
  DoctorReport,
  EnvironmentStatus,
  ForeignView,
  GroupState,
  LogLine,
  MaskedPiece,
  ReleaseView,
  SecretsView,
  SecretView,
  ServiceStatus,
  SnapshotView,
  UnreadableView,
} from './view-schemas.ts'

/** By the names under which the description refers to them. */
export const named = {
  Error: ErrorView,
  About,
  GroupState,
  ServiceStatus,
  EnvironmentStatus,
  ReleaseView,
  SnapshotView,
  SecretView,
  DoctorReport,
  Plan,
  OperationRecord,
  OperationEvent,
  LogLine,
  MaskedPiece,
}

/** What each endpoint answers; of a stream, a line. */
export const answers = {
  about: About,
  status: z.object({ agent: About, environments: z.array(EnvironmentStatus) }),
  plan: Plan,
  start: OperationRecord,
  operations: z.object({ operations: z.array(OperationRecord) }),
  operation: OperationRecord,
  events: OperationEvent,
  mask: MaskedPiece,
  cancel: OperationRecord,
  resume: OperationRecord,
  releases: z.object({ releases: z.array(ReleaseView) }),
  snapshots: z.object({
    snapshots: z.array(SnapshotView),
    foreign: z.array(ForeignView).describe('those that are sealed for another key'),
    unreadable: z.array(UnreadableView).describe('those that are there and can not be read'),
    absent: z.array(text).describe('folders that they went to before and that are not there, in words'),
    gone: may(text).describe('why the repository is not there'),
  }),
  logs: LogLine,
  secrets: SecretsView,
  setSecret: SecretsView,
  removeSecret: SecretsView,
  doctor: DoctorReport,
  enable: z.object({ how: text }),
  shutdown: z.object({ ended: z.array(text) }),
} satisfies { [Name in EndpointName]: z.ZodType<Answers[Name] extends Stream<infer Line> ? Line : Answers[Name]> }
