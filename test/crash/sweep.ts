/** Kills the agent at every point of an operation, one after the other, and looks each time what became of it. */
import { setTimeout as delay } from 'node:timers/promises'
import { damage, type Outcome, unsettled } from './check.ts'
import type { SweptOperation } from './operations.ts'
import type { Site } from './site.ts'
import { Snapshots } from './snapshots.ts'

/** Slow machines are no failures; an operation that is stuck is one. */
const PATIENCE_MS = 240_000
/** What ends on its own a moment after its operation: a killed process, the clean-up behind it. */
const SETTLE_MS = 30_000

export class Sweep {
  readonly site: Site
  readonly #snapshots: Snapshots
  /** In the last run that nothing ended. */
  #passed: string[] = []

  constructor(site: Site) {
    this.site = site
    this.#snapshots = new Snapshots(site)
  }

  /** Runs it without a crash. @returns the points that it passes, those to be swept */
  async points(swept: SweptOperation): Promise<string[]> {
    const problems = await this.#survive(swept, '')
    if (problems.length > 0) throw new Error(`${swept.name} without a crash:\n  ${problems.join('\n  ')}`)
    const back = this.#passed.findIndex(point => point.endsWith(':undo'))
    return swept.ends === 'undone' ? this.#passed.slice(back) : this.#passed
  }

  /**
   * A point that is not passed this time was not survived: the sweep would claim too much.
   * @param again so many points later the next agent is killed too; 0: it is not @returns what is wrong
   */
  async survives(swept: SweptOperation, point: string, again: number): Promise<string[]> {
    try {
      return await within(PATIENCE_MS, this.#survive(swept, point, again))
    } catch (error) {
      const operations = await this.site.operations().catch(() => [])
      const states = operations
        .slice(0, 2)
        .map(({ id, plan, state, steps }) => `${id} ${plan.kind} ${state} ${steps.map(step => `${step.id}:${step.state}`).join(' ')}`)
      const log = this.site.log.split('\n').filter(line => !line.includes(' serves '))
      return [(error as Error).message, ...states, ...log.slice(-20)]
    }
  }

  async #survive(swept: SweptOperation, point: string, again = 0): Promise<string[]> {
    const { site } = this
    const before = site.version
    const { request, version: wanted } = await swept.prepare(site)
    site.load.declared.clear()
    for (const version of [before, wanted]) site.load.declared.add(version)
    if (swept.stops === true) site.load.mayRefuse = true
    await site.arm(point)
    const [last] = await site.operations()
    await site.begin(request)
    if (point !== '') {
      if (!(await this.#dies(point))) return ['the operation ended without passing this point']
      await this.#comeBack(again)
    } else this.#passed = await site.passedToTheEnd()
    await site.settled()
    // The agent may have died before it answered, and after it journalled.
    const operation = (await site.operations()).find(
      ({ plan, createdAt }) => plan.kind === request.kind && createdAt > (last?.createdAt ?? 0),
    )
    const problems = await this.#problems({ swept, operation, before, wanted })
    if (operation?.state === 'done') await this.#afterwards(swept)
    if (operation === undefined && problems.length === 0) await this.#again(swept)
    return problems
  }

  /** The next agent, and when that is killed too, the one after it. */
  async #comeBack(again: number): Promise<void> {
    const { site } = this
    await site.arm(again === 0 ? '' : `+${again}`)
    await site.startAgent().catch(error => {
      if (!site.agentWasKilled) throw error
    })
    if (again === 0) return
    await site.settled().catch(() => {})
    await site.arm('')
    // What answers now passed no point since: it looks at what is armed at each.
    const isAlive = await site.operations().then(
      () => true,
      () => false,
    )
    if (isAlive) return
    await site.agentDied()
    await site.startAgent()
  }

  /** Whether the agent dies before it is through with everything. */
  #dies(point: string): Promise<boolean> {
    const died = this.site.agentDied().then(() => true)
    const isThrough = async () => (await this.site.passedToTheEnd()).includes(point) && died
    return Promise.race([died, isThrough().catch(() => died)])
  }

  async #problems(outcome: Outcome): Promise<string[]> {
    const look = () => unsettled(this.site, this.#snapshots, outcome)
    const until = performance.now() + SETTLE_MS
    let problems = await look()
    for (; problems.length > 0 && performance.now() < until; problems = await look()) await delay(100)
    return [...problems, ...(await damage(this.site, this.#snapshots, outcome))]
  }

  async #afterwards({ after }: SweptOperation): Promise<void> {
    await this.site.refresh()
    if (after !== undefined) await this.site.mustDo(after(this.site))
    this.site.load.mayRefuse = false
  }

  /** The agent died while it planned: nothing had begun, and now it goes. */
  async #again(swept: SweptOperation): Promise<void> {
    const problems = await this.#survive(swept, '')
    if (problems.length > 0) throw new Error(`the second time: ${problems.join('; ')}`)
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const abort = new AbortController()
  const late = delay(ms, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`no end after ${ms / 1000} s`)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    late.catch(() => {})
    abort.abort()
  }
}
