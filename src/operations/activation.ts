/**
 * The part that deploy, rollback, restart and restore share: an activation of a release put in place of the one that serves, all
 * services or none. Pure: it builds steps.
 */
import type { JsonObject } from '../core/json.ts'
import type { PlannedStep } from '../core/plan.ts'
import type { Release } from '../core/release.ts'
import { type Scale, wantedInstances } from '../core/scale.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Environment } from './environment.ts'

/** A string, or one that ends in the id of the operation that will be. */
export type Name = string | { $op: string; suffix?: string }

export interface Next {
  release: string
  spec: Spec
  activation: Name
  stores: Record<string, Name>
  /** Service → how many; from the file, or as scaled. */
  instances: Record<string, number>
  /** The same of what serves now, should it have to start again. */
  instancesNow: Record<string, number>
}

export const nextOf = (
  { serving }: Environment,
  scale: Scale,
  { id, number, spec }: Pick<Release, 'id' | 'number' | 'spec'>,
  stores: Next['stores'],
): Next => ({
  release: id,
  spec,
  activation: { $op: `${id}-` },
  stores,
  instances: wantedInstances({ number, spec }, scale),
  instancesNow: serving === undefined ? {} : wantedInstances(serving, scale),
})

const services = (spec: Spec, isSingleton: boolean) =>
  Object.entries(spec.services).filter(([, service]) => service.singleton === isSingleton)

const activationInput = (next: Next): JsonObject => ({
  release: next.release,
  activation: next.activation as never,
  stores: next.stores as never,
})

/** New groups beside the old, tested before they have traffic. */
export function startSteps(next: Next, after: string[]): PlannedStep[] {
  const starts: PlannedStep[] = services(next.spec, false).map(([name]) => ({
    id: `start-${name}`,
    kind: 'group.start@1',
    title: `start ${name}`,
    input: { ...activationInput(next), service: name, instances: next.instances[name] ?? 1 },
    after,
  }))
  if (next.spec.release.test.length === 0 || starts.length === 0) return starts
  const smoke: PlannedStep = {
    id: 'smoke',
    kind: 'groups.smoke@1',
    title: 'smoke tests before traffic',
    input: activationInput(next),
    after: starts.map(step => step.id),
  }
  return [...starts, smoke]
}

/**
 * Singletons, each old one seen dead before the new one starts. Where requests lead to one they wait meanwhile: those in flight get
 * their answers first, and the switch lets the others go on to the new one. `isHeld`: they wait already.
 */
export function handoverSteps(environment: Environment, next: Next, after: string[], isHeld = false): PlannedStep[] {
  const { table } = environment
  const names = services(next.spec, true).map(([name]) => name)
  const isRunning = (name: string) => table.groups[name] !== undefined
  const mustHold = !isHeld && names.some(name => isRunning(name) && table.routes.some(route => route.service === name))
  const handovers = names.map((service): PlannedStep => {
    const { release, activation, stores } = table
    const old = { release, activation, stores, service, instances: next.instancesNow[service] ?? 1 }
    return {
      id: `handover-${service}`,
      kind: 'singleton.handover@1',
      title: isRunning(service) ? `hand ${service} over` : `start ${service}`,
      input: { ...activationInput(next), service, instances: next.instances[service] ?? 1, old: isRunning(service) ? old : null },
      after: mustHold ? ['hold'] : after,
    }
  })
  return mustHold ? [holdStep(environment, after), ...handovers] : handovers
}

/** How long requests in flight get: of the services that requests lead to, those that ask for most. */
export function drainMsOf({ table, serving }: Environment): number {
  const services = new Set(table.routes.map(route => route.service))
  return Math.max(0, ...[...services].map(name => serving?.spec.services[name]?.stop.drain ?? 0))
}

/** The longest that anybody is kept waiting; the front answers 503 then. */
const MAX_WAIT_MS = 60_000

/** New requests wait, those in flight finish. The switch ends it. */
export function holdStep(environment: Environment, after: string[]): PlannedStep {
  return {
    id: 'hold',
    kind: 'route.hold@1',
    title: 'hold new requests, let running ones finish',
    input: { drainMs: drainMsOf(environment), maxWaitMs: MAX_WAIT_MS },
    after,
  }
}

/** The one atomic write that everybody sees. */
export const switchStep = ({ table }: Environment, next: Next, after: string[]): PlannedStep => ({
  id: 'switch',
  kind: 'route.switch@1',
  title: next.spec.routes.length > 0 ? 'switch the routes' : 'make it current',
  input: { ...activationInput(next), expected: table.generation, instances: next.instances },
  after,
  pivot: true,
})

/** What follows once the new one serves. */
export function settleSteps(environment: Environment, next: Next): PlannedStep[] {
  const { table } = environment
  const steps: PlannedStep[] = []
  const groups = Object.values(table.groups)
  if (groups.length > 0) {
    steps.push({
      id: 'retire',
      kind: 'groups.retire@1',
      title: `drain and stop ${table.release}`,
      input: { activation: table.activation, groups, drainMs: drainMsOf(environment) },
      after: ['switch'],
    })
  }
  if (next.spec.release.test.length > 0 && next.spec.routes.length > 0) {
    steps.push({
      id: 'test',
      kind: 'live.test@1',
      title: 'tests through the public route',
      input: { release: next.release, mustPass: false },
      after: ['switch'],
    })
  }
  steps.push({
    id: 'collect',
    kind: 'environment.collect@1',
    title: 'collect what is no longer needed',
    input: { keep: next.spec.release.keep, ...(isWayBack(environment, next) ? { left: table.release } : {}) },
    after: steps.length > 0 ? steps.map(step => step.id) : ['switch'],
  })
  return steps
}

const isWayBack = ({ serving, releases }: Environment, next: Next): boolean =>
  serving !== undefined && releases.some(({ id, number }) => id === next.release && number < serving.number)

/** The whole of it, where the data stays. */
export const activateSteps = (environment: Environment, next: Next): PlannedStep[] =>
  inTurn(
    after => startSteps(next, after),
    after => handoverSteps(environment, next, after),
    after => [switchStep(environment, next, after)],
    () => settleSteps(environment, next),
  )

/** Builds a list of steps part by part, each part after all that came before it. */
export function inTurn(...parts: ((after: string[]) => PlannedStep[])[]): PlannedStep[] {
  const steps: PlannedStep[] = []
  for (const part of parts) steps.push(...part(lastSteps(steps)))
  return steps
}

/** Ids of the steps that no other step of the list comes after. */
export function lastSteps(steps: PlannedStep[]): string[] {
  const followed = new Set(steps.flatMap(step => step.after))
  return steps.filter(step => !followed.has(step.id)).map(step => step.id)
}
