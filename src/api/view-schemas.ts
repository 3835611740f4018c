/**
 * What the agent answers, as schemas: the types of `views.ts` and the OpenAPI description come from here. Loaded by neither the command
 * line nor a running agent: nobody parses the agent's own answers. Times are wall clock, ms.
 */
import * as z from 'zod'
import { Proof, Rung } from '../core/snapshot.ts'
import type * as proxy from '../ports/proxy.ts'
import type * as runtime from '../ports/runtime.ts'
import { OperationKind, OperationState } from './operation-schemas.ts'
import { count, environment, flag, may, number, onlyTrue, text, time } from './schema-words.ts'

export const About = z.object({
  version: text,
  build: text.describe('which build of that version; `source` where nothing is built'),
  pid: count,
  home: text,
  startedAt: time,
  memoryBytes: count,
  address: text.describe('where the embedded proxy listens, e.g. http://127.0.0.1:8080'),
  enabled: may(text).describe('how it returns after a reboot; without it, it does not'),
  supervised: onlyTrue.describe('something else starts it again when it ends'),
})

const Labels = z.object({ ...environment, service: may(text), release: may(text), operation: may(text) })
const Backend = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tcp'), host: text, port: count, unit: may(text).describe('the folder of what listens there') }),
  z.object({ kind: z.literal('unix'), path: text }),
])

export const GroupState = z.object({
  name: text,
  labels: Labels,
  wanted: count,
  instances: z.array(
    z.object({
      index: count,
      state: z.enum(['starting', 'ready', 'unready', 'backoff', 'stopping', 'stopped', 'unknown']),
      pid: may(count),
      startedAt: may(time),
      restarts: count,
      lastExit: may(text).describe('`exited 1` or `killed by SIGKILL`'),
      memoryBytes: may(count),
      backend: may(Backend),
    }),
  ),
}) satisfies z.ZodType<runtime.GroupState>

const Counters = z.object({
  activation: text,
  requests: count,
  errors: count,
  unanswered: count.describe('requests whose client gave up waiting'),
  latency: z.object({ p50: number, p95: number, p99: number }).describe('ms'),
  since: time,
}) satisfies z.ZodType<proxy.Counters>

export const ServiceStatus = z.object({
  name: text,
  singleton: flag,
  group: may(GroupState),
  scaled: may(z.object({ instances: count, file: count })).describe('by `fettle scale`, over what the file says'),
  memory: z.object({ limitBytes: may(count), enforced: z.enum(['enforced', 'polled', 'none']) }),
})

export const EnvironmentStatus = z.object({
  ...environment,
  state: z
    .enum(['up', 'external', 'degraded', 'down', 'stopped', 'never deployed', 'unknown'])
    .describe('`up`: every wanted instance is ready; `degraded`: some are; `down`: none is; `external`: something else runs it'),
  why: may(text).describe('when not up'),
  release: may(text),
  deployedAt: may(time),
  trialUntil: may(time).describe('until then the release is on trial'),
  generation: count,
  services: z.array(ServiceStatus),
  stores: z.array(z.object({ name: text, driver: text, path: text, bytes: may(count) })),
  urls: z.array(text).describe('where people reach it: one URL a route'),
  counters: may(Counters),
  backup: may(
    z.object({
      newestAt: may(time),
      provenAt: may(time),
      provenOnce: may(z.literal(true)).describe('one was proven, and none that was is any more: something was found since'),
      rung: may(Rung),
      failed: may(text).describe('what a drill or a restore showed to be wrong with the newest'),
      foreign: may(z.array(text)).describe('ids of snapshots that are sealed for another key'),
      unreadable: may(z.array(text)).describe('ids of snapshots that are there and can not be read'),
      gone: may(text).describe('why the repository is not there'),
    }),
  ),
  operation: may(z.object({ id: text, kind: OperationKind, state: OperationState })),
})

export const ReleaseView = z.object({
  id: text,
  createdAt: time,
  serving: flag,
  state: z.enum(['serving', 'ready', 'gone']).describe('`ready`: can be returned to at once; `gone`: its artifact was collected'),
  source: text,
  digest: text,
  reversible: z.enum(['proved', 'refuted', 'unproven', 'no migration']).describe('what the rehearsal showed about going back'),
  note: may(text).describe('how it ended, when it no longer serves by choice'),
})

export const SnapshotView = z.object({
  id: text,
  label: text,
  release: text,
  takenAt: time,
  skewMs: number,
  storedBytes: count,
  stores: z.array(z.object({ name: text, driver: text, rows: count, reused: flag })),
  rung: Rung.describe('the highest that was reached'),
  proofs: z.array(Proof as z.ZodType<Proof>),
  failed: may(text).describe('what a drill or a restore showed to be wrong with it'),
  formerFolder: may(text).describe('the repository that holds it, where snapshots go to another one by now'),
  notes: z.array(text).describe('what it does not cover, or saw moving while it was read, by store'),
})

export const ForeignView = z.object({ id: text, takenAt: time, recipients: z.array(text).describe('the public keys it is sealed for') })

export const UnreadableView = z.object({ id: text, path: text, reason: text })

export const SecretView = z.object({
  name: text,
  version: count,
  setAt: time,
  external: flag,
  declared: flag.describe('declared in the file, or referred to'),
})

export const SecretsView = z.object({
  secrets: z.array(SecretView),
  needed: z.array(text).describe('names that the file declares or refers to'),
  isName: may(flag).describe('the value that was set is a name in the file too, or a part of one, and not hidden'),
})

export const DoctorItem = z.object({
  name: text,
  state: z.enum(['ok', 'warn', 'fail']),
  text,
  fix: may(text).describe('the command that mends it'),
})
export const DoctorReport = z.object({ ok: flag, items: z.array(DoctorItem) })

export const LogLine = z.object({ unit: text, labels: Labels, at: time, text, cursor: text }) satisfies z.ZodType<runtime.LogLine>

export const MaskedPiece = z.object({
  taken: count.describe('how many of the bytes that were sent it answers: what no piece answered is to be sent again to the next agent'),
  covered: count.describe('how many of the bytes behind those belong to a secret whose mask is in this piece or before it'),
  hidden: count.describe('how many masks are in it'),
  shown: z.base64().describe('what the bytes are, with the secrets hidden'),
})
