/** The embedded proxy as the agent holds it: everything is asked of the front process, nothing is remembered here. */
import type { Counters, Proxy as ProxyPort, RouteTable } from '../../../ports/proxy.ts'
import type { About, ActivationReport } from './front/control.ts'
import { type FrontOptions, FrontProcess } from './front-process.ts'

export class EmbeddedProxy implements ProxyPort {
  readonly caps = { atomic: 'all-routes' } as const
  readonly #front: FrontProcess
  readonly #injectFault: FrontOptions['fault']

  constructor(options: FrontOptions) {
    this.#front = new FrontProcess(options)
    this.#injectFault = options.fault
  }

  open(): Promise<void> {
    return this.#front.open()
  }

  /** What runs: its program, for whoever decides about a reload. */
  about(): Promise<About> {
    return this.#front.about()
  }

  /** @throws FettleError REFUSED when the new one does not come up: the program before serves again */
  reload(program: readonly string[]): Promise<void> {
    return this.#front.reload(program)
  }

  shutdown(): Promise<void> {
    return this.#front.shutdown()
  }

  async close(): Promise<void> {
    this.#front.close()
  }

  async address(): Promise<string> {
    const { host, port } = (await this.#front.about()).listens
    const reached = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`
  }

  async commit(table: RouteTable, expected: number): Promise<void> {
    await this.#fault('commit:before')
    await this.#front.call({ method: 'PUT', path: `/tables?expected=${expected}`, body: table })
    await this.#fault('commit:after')
  }

  async current(app: string, environment: string): Promise<RouteTable | undefined> {
    return ((await this.#front.call({ method: 'GET', path: `/tables/${names(app, environment)}` })) ?? undefined) as RouteTable | undefined
  }

  async tables(): Promise<RouteTable[]> {
    return (await this.#front.call({ method: 'GET', path: '/tables' })) as RouteTable[]
  }

  async hold(app: string, environment: string, options: { drainMs: number; maxWaitMs: number }): Promise<{ inFlight: number }> {
    const held = (await this.#front.call({ method: 'PUT', path: `/holds/${names(app, environment)}`, body: options })) as {
      inFlight: number
    }
    await this.#fault('hold:after')
    return held
  }

  async release(app: string, environment: string): Promise<void> {
    await this.#front.call({ method: 'DELETE', path: `/holds/${names(app, environment)}` })
  }

  async inFlight(activation: string): Promise<number> {
    return (await this.#activation(activation)).inFlight
  }

  async counters(activation: string): Promise<Counters | 'unknown'> {
    const { counters } = await this.#activation(activation)
    // A front of before the upgrade does not count them.
    return counters === 'unknown' ? counters : { ...counters, unanswered: counters.unanswered ?? 0 }
  }

  async #activation(name: string): Promise<ActivationReport> {
    return (await this.#front.call({ method: 'GET', path: `/activations/${encodeURIComponent(name)}` })) as ActivationReport
  }

  async #fault(point: string): Promise<void> {
    await this.#injectFault?.(point)
  }
}

const names = (app: string, environment: string): string => `${encodeURIComponent(app)}/${encodeURIComponent(environment)}`
