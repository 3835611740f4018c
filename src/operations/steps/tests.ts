/** A release's own tests: on its groups before they have traffic, and through the public route. */
import * as z from 'zod'
import { FettleError, toFettleError } from '../../core/errors.ts'
import { groupName } from '../../core/names.ts'
import { smokeTestService } from '../../core/spec/derived.ts'
import type { SmokeTest, Spec } from '../../core/spec/schema.ts'
import { type StepContext, stepKind } from '../../engine/step.ts'
import { runSmokeTest } from '../../lib/smoke.ts'
import type { Backend } from '../../ports/runtime.ts'
import { requireRelease } from '../environment.ts'
import type { World } from '../world.ts'
import { Activation, backendOf } from './groups.ts'

/** The service that a smoke test asks, also where there is no route. */
export const testedService = (spec: Spec, test: SmokeTest): string => smokeTestService(spec, test) ?? Object.keys(spec.services)[0] ?? ''

export const hostOf = (spec: Spec, service: string): string => spec.routes.find(route => route.to === service)?.host ?? 'localhost'

/** All of a release's smoke tests against groups of one activation. @throws FettleError TEST_FAILED naming every failed one */
export async function smokeTests(
  spec: Spec,
  tests: SmokeTest[],
  backendFor: (service: string) => Promise<Backend>,
  { signal, log }: Pick<StepContext, 'signal' | 'log'>,
): Promise<number> {
  const failures: string[] = []
  for (const test of tests) {
    const service = testedService(spec, test)
    const result = await runSmokeTest(test, { backend: await backendFor(service), host: hostOf(spec, service) }, signal)
    log(`${test.method} ${test.http} on ${service}: ${result.passed ? 'passed' : result.why}`)
    if (!result.passed) failures.push(`${test.method} ${test.http} on ${service}: ${result.why}`)
  }
  if (failures.length > 0) throw new FettleError('TEST_FAILED', failures.join('\n'), { context: { failures } })
  return tests.length
}

const groupsSmoke = (world: World) =>
  stepKind({
    kind: 'groups.smoke@1',
    input: Activation,
    cancel: 'now',
    silentForMs: 30_000,
    observe: async () => 'absent',
    async run(input, { operation, signal, log }) {
      const { app, environment } = operation
      const release = await requireRelease(world, operation, input.release)
      const backendFor = (service: string) => backendOf(world, groupName(app, environment, service, input.activation), signal)
      // A singleton does not run beside its predecessor; its tests follow on the live route.
      const tests = release.spec.release.test.filter(test => release.spec.services[testedService(release.spec, test)]?.singleton === false)
      return { passed: await smokeTests(release.spec, tests, backendFor, { signal, log }) }
    },
    undo: 'nothing',
  })

/** After the switch a failing test does not undo what serves: the operation ends with the error, and a deploy is followed by a rollback. */
const liveTest = (world: World) =>
  stepKind({
    kind: 'live.test@1',
    input: z.object({ release: z.string(), mustPass: z.boolean() }),
    cancel: 'now',
    silentForMs: 30_000,
    observe: async () => 'absent',
    async run(input, context) {
      const release = await requireRelease(world, context.operation, input.release)
      const { hostname, port } = new URL(await world.proxy.address())
      const front: Backend = { kind: 'tcp', host: hostname, port: Number(port) }
      try {
        return { passed: await smokeTests(release.spec, release.spec.release.test, async () => front, context), failure: null }
      } catch (thrown) {
        const error = toFettleError(thrown)
        if (input.mustPass || error.code !== 'TEST_FAILED') throw error
        context.complain(error)
        return { passed: 0, failure: error.message }
      }
    },
    undo: 'nothing',
  })

export const testKinds = (world: World) => [groupsSmoke(world), liveTest(world)]
