/** Restart: the same release again beside itself, then switched, so that nothing is lost. Scale and stop are of the same family. */
import { FettleError } from '../core/errors.ts'
import { plural } from '../core/format.ts'
import { environmentLease } from '../core/names.ts'
import type { OperationKind, Plan, PlanLine, PlannedStep } from '../core/plan.ts'
import type { Release } from '../core/release.ts'
import { type Scale, scaledTo, wantedInstances } from '../core/scale.ts'
import { isExternal } from '../core/spec/derived.ts'
import { activateSteps, drainMsOf, nextOf } from './activation.ts'
import { basisOf } from './basis.ts'
import type { Environment } from './environment.ts'
import { readScale, scaleStep } from './scale-record.ts'
import { readTarget, requireServing, type TargetRequest } from './target.ts'
import type { World } from './world.ts'

const runElsewhere = ({ app }: Release, does: string): FettleError =>
  new FettleError('REFUSED', `${app} has no services: something else runs it`, { hint: `${does} it where it runs.` })

export async function planRestart(world: World, request: TargetRequest): Promise<Plan> {
  const environment = await readTarget(world, request)
  const serving = requireServing(environment)
  if (isExternal(serving.spec)) throw runElsewhere(serving, 'Restart')
  const scale = await readScale(world, environment.app, environment.environment)
  return activatePlan(environment, 'restart', scale, [{ text: `${serving.id} starts anew beside itself`, tone: 'change' }])
}

export async function planScale(world: World, request: TargetRequest & { instances: Record<string, number> }): Promise<Plan> {
  const environment = await readTarget(world, request)
  const serving = requireServing(environment)
  if (isExternal(serving.spec)) throw runElsewhere(serving, 'Scale')
  const scale = await readScale(world, environment.app, environment.environment)
  const before = wantedInstances(serving, scale)
  for (const [name, count] of Object.entries(request.instances)) {
    const service = Object.hasOwn(serving.spec.services, name) ? serving.spec.services[name] : undefined
    if (service === undefined)
      throw new FettleError('NOT_FOUND', `${serving.id} has no service ${name}`, {
        hint: `It has: ${Object.keys(serving.spec.services).join(', ')}.`,
      })
    if (count === 0)
      throw new FettleError('REFUSED', `${name} would have no instance`, {
        hint: '`fettle stop` ends all services; one that is not wanted goes out of fettle.yaml.',
      })
    if (service.singleton && count !== 1)
      throw new FettleError('REFUSED', `${name} is a singleton: it runs once`, { hint: '`fettle stop` ends all services.' })
  }
  const wanted = scaledTo(scale, serving, request.instances)
  const lines = Object.entries(request.instances).map(
    ([name, count]): PlanLine => ({ text: `${name}: ${before[name]} → ${count}`, tone: 'change' }),
  )
  const plan = activatePlan(environment, 'scale', wanted, lines)
  const record = scaleStep({ id: 'record', title: 'record the numbers', from: scale, to: wanted, after: [] })
  return { ...plan, steps: [record, ...plan.steps.map(step => (step.after.length === 0 ? { ...step, after: ['record'] } : step))] }
}

function activatePlan(environment: Environment, kind: OperationKind, scale: Scale, lines: PlanLine[]): Plan {
  const serving = requireServing(environment)
  const next = nextOf(environment, scale, serving, environment.table.stores)
  return { ...head(environment, kind), lines, steps: activateSteps(environment, next) }
}

const head = ({ app, environment, table }: Environment, kind: OperationKind) => ({
  format: 1 as const,
  kind,
  app,
  environment,
  leases: [environmentLease(app, environment)],
  basis: basisOf({ 'what serves': table.generation }),
})

/** But for the one record that says whose the data is. */
const isForgotten = ({ isDown, releases }: Environment): boolean => releases.length === (isDown ? 1 : 0)

function endText({ table }: Environment, kind: 'stop' | 'down'): string {
  const count = Object.keys(table.groups).length
  const services = count === 0 ? [] : [`${plural(count, 'service')} ${count === 1 ? 'ends' : 'end'}`]
  const routes = table.routes.length === 0 ? [] : [`the routes ${kind === 'stop' ? 'answer 503' : 'go'}`]
  return [...services, ...routes, ...(kind === 'down' ? ['the releases go'] : [])].join(', ')
}

/** Stop keeps release and data and answers 503; down also forgets the routes and releases. Neither touches data or backups. */
export async function planStop(world: World, request: TargetRequest, kind: 'stop' | 'down'): Promise<Plan> {
  const environment = await readTarget(world, request)
  const { table } = environment
  const groups = Object.values(table.groups)
  if (groups.length === 0 && (kind === 'stop' || isForgotten(environment))) {
    const text = environment.isDown ? 'it was taken down already; its data and backups stayed' : 'nothing runs'
    return { ...head(environment, kind), lines: [{ text, tone: 'plain' }], empty: true, steps: [] }
  }
  const steps: PlannedStep[] = [
    {
      id: 'close',
      kind: 'route.close@1',
      title: kind === 'stop' ? 'answer 503' : 'remove the routes',
      input: { expected: table.generation, routes: kind === 'stop' },
      after: [],
      pivot: true,
    },
    {
      id: 'retire',
      kind: 'groups.retire@1',
      title: 'drain and stop',
      input: { activation: table.activation, groups, drainMs: drainMsOf(environment) },
      after: ['close'],
    },
  ]
  if (kind === 'down')
    steps.push({ id: 'forget', kind: 'releases.forget@1', title: 'remove releases and artifacts', input: {}, after: ['retire'] })
  const lines: PlanLine[] = [
    { text: endText(environment, kind), tone: 'remove' },
    { text: 'data and backups stay', tone: 'plain' },
  ]
  return {
    ...head(environment, kind),
    lines,
    ...(kind === 'down' ? { confirm: `take ${environment.app}/${environment.environment} down` } : {}),
    steps,
  }
}
