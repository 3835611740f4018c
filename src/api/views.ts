/** What the agent tells about the world, in the shapes that terminal, `--json` and dashboard show. Times are wall clock, ms. */
import type { OperationKind, OperationState } from '../core/plan.ts'
import type { Counters } from '../ports/proxy.ts'
import type { Proof, Rung } from '../ports/repository.ts'
import type { GroupState, RuntimeCaps } from '../ports/runtime.ts'

export interface About {
  version: string
  pid: number
  home: string
  startedAt: number
  memoryBytes: number
  /** Where the embedded proxy listens, e.g. http://127.0.0.1:8080. */
  address: string
  /** How it returns after a reboot; undefined: it does not. */
  enabled?: string
}

export interface EnvironmentStatus {
  app: string
  environment: string
  /** `up`: every wanted instance is ready; `degraded`: some are; `down`: none is; `external`: something else runs it, fettle keeps its data. */
  state: 'up' | 'external' | 'degraded' | 'down' | 'stopped' | 'never deployed' | 'unknown'
  /** Why, when not up. */
  why?: string
  release?: string
  deployedAt?: number
  /** Until then the release is on trial. */
  trialUntil?: number
  generation: number
  services: ServiceStatus[]
  stores: { name: string; driver: string; path: string; bytes?: number }[]
  /** Where people reach it: one URL a route. */
  urls: string[]
  counters?: Counters
  /** Newest snapshot, and the newest that was proven. */
  backup?: { newestAt?: number; provenAt?: number; rung?: Rung }
  operation?: { id: string; kind: OperationKind; state: OperationState }
}

export interface ServiceStatus {
  name: string
  singleton: boolean
  group?: GroupState
  memory: { limitBytes?: number; enforced: RuntimeCaps['memory'] }
}

export interface ReleaseView {
  id: string
  createdAt: number
  serving: boolean
  /** `ready`: can be returned to at once; `gone`: its artifact was collected. */
  state: 'serving' | 'ready' | 'gone'
  source: string
  digest: string
  /** What the rehearsal showed about going back to the release before it. */
  reversible: 'proved' | 'refuted' | 'unproven' | 'no migration'
  /** How it ended, when it no longer serves by choice: `returned by the bake: 12 % errors`. */
  note?: string
}

export interface SnapshotView {
  id: string
  label: string
  release: string
  takenAt: number
  skewMs: number
  storedBytes: number
  stores: { name: string; driver: string; rows: number; reused: boolean }[]
  /** The highest rung reached, and every proof. */
  rung: Rung
  proofs: Proof[]
  /** The last drill failed. */
  failed?: string
}

export interface SecretView {
  name: string
  version: number
  setAt: number
  external: boolean
  /** Named in the file. */
  declared: boolean
}

export interface DoctorReport {
  ok: boolean
  items: DoctorItem[]
}

export interface DoctorItem {
  /** `node`, `disk`, `isolation`, `memory limits`, `boot`, … */
  name: string
  state: 'ok' | 'warn' | 'fail'
  text: string
  /** The command that mends it. */
  fix?: string
}
