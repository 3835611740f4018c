/** One instance of a group: its unit, kept running, and whether it can take work. */
import { join } from 'node:path'
import { toFettleError } from '../../../core/errors.ts'
import type { ReadyCheck } from '../../../core/spec/schema.ts'
import { writeFileAtomic } from '../../../lib/files.ts'
import type { Backend, InstanceState } from '../../../ports/runtime.ts'
import { Changes } from './changes.ts'
import { exitWords } from './exit-words.ts'
import type { Host } from './host.ts'
import type { Ports } from './ports.ts'
import { proportionalBytesAside, ticksSinceBoot } from './proc.ts'
import { type Answer, ask, ListenerLook } from './readiness.ts'
import type { ShimState } from './shim.ts'
import { type Seen, Unit } from './unit.ts'
import { readPort, type UnitRecord } from './unit-files.ts'
import { killRest, killUnit, type StopWish, signalProcess, stopUnit } from './unit-stop.ts'

export interface InstanceDeps {
  host: Host
  ports: Ports
  /** As last applied. */
  check(): ReadyCheck
  /** Where a port of the unit is reached from outside of its sandbox. */
  reach(host: string, port: number): Promise<Backend>
  onChange(): void
}

/** An app may have handed its listener to a process that nobody can tell to be its own: moving does not help it. */
const MOST_MOVES = 5
/** Each look takes the processor from the app that is starting: shorter, and a restart takes longer. */
const SHORTEST_PAUSE_MS = 12
const LONGEST_PAUSE_MS = 250
/** Between questions to an app that had its time and is still not ready. */
const LATE_ASK_MS = 5000

export class Instance {
  readonly index: number
  readonly unit: Unit
  readonly #deps: InstanceDeps
  readonly #changes = new Changes()
  #readiness: 'starting' | 'ready' | 'unready' = 'starting'
  #backend: Backend | undefined
  #said = 'it was not asked yet'
  #moves = 0
  /** It should run: when its shim is gone, it gets another. */
  #wanted = false
  #revival: Promise<void> | undefined
  #revivedAt = Number.NEGATIVE_INFINITY
  /** The run (pid and start) that is asked at present. */
  #asking: { run: string; abort: AbortController } | undefined

  constructor(index: number, folder: string, record: UnitRecord, deps: InstanceDeps) {
    this.index = index
    this.#deps = deps
    this.unit = new Unit(deps.host, folder, record, () => this.#notice())
  }

  get backend(): Backend | undefined {
    return this.#readiness === 'ready' ? this.#backend : undefined
  }

  get said(): string {
    return this.#said
  }

  /**
   * Takes over what an earlier agent left: a stop goes on, a run is asked whether it is ready, a lost shim is replaced, also one that
   * the machine took down with it. Only a sandbox does not outlive a boot, nor what ran in it.
   */
  adopt(): void {
    const { alive, shim, stopping, isOfEarlierBoot } = { ...this.unit.status(), alive: this.unit.adopt() }
    const isGone = isOfEarlierBoot && this.unit.record.sandbox !== undefined
    this.#wanted = !stopping && !isGone && (alive || shim !== undefined)
    this.#notice()
  }

  async start(): Promise<void> {
    this.#wanted = true
    await this.unit.start('apply')
    this.#notice()
  }

  async stop(wish: StopWish, signal: AbortSignal): Promise<void> {
    this.#wanted = false
    await this.#revival
    await stopUnit(this.#deps.host, this.unit, wish, signal)
    this.#notice()
  }

  async kill(): Promise<void> {
    this.#wanted = false
    await this.#revival
    await killUnit(this.#deps.host, this.unit)
  }

  release(): void {
    this.#wanted = false
    this.#asking?.abort.abort()
    this.unit.release()
  }

  untilReady(signal: AbortSignal): Promise<void> {
    return this.#changes.until(() => (this.#readiness === 'ready' ? true : undefined), this.unit.record.unit, signal).then(() => undefined)
  }

  /** Without its memory, which takes a look at every page. */
  state(): InstanceState {
    const { alive, shim, stopping, isOfEarlierBoot } = this.unit.status()
    const base = { index: this.index, restarts: shim?.restarts ?? 0, ...(this.#backend === undefined ? {} : { backend: this.#backend }) }
    if (shim === undefined || isOfEarlierBoot) return { ...base, state: alive ? 'starting' : 'stopped' }
    const exit = shim.lastCode === undefined ? base : { ...base, lastExit: exitWords(shim, this.unit.record.memoryBytes) }
    if (!alive) return { ...exit, state: this.#wanted ? 'backoff' : 'stopped' }
    if (shim.phase !== 'running') return { ...exit, state: stopping ? 'stopping' : 'backoff' }
    const state = stopping ? 'stopping' : this.#readiness
    return { ...exit, state, pid: shim.pid, startedAt: Math.round(this.#deps.host.clock.now() - uptimeMs(shim)) }
  }

  async stateWithMemory(seen: Seen): Promise<InstanceState> {
    const state = this.state()
    return state.pid === undefined ? state : { ...state, memoryBytes: await proportionalBytesAside(this.unit.pids(seen)) }
  }

  #notice(): void {
    const { alive, shim } = this.unit.status()
    const run = alive && shim?.phase === 'running' ? `${shim.pid} ${shim.startTicks}` : ''
    if (run !== (this.#asking?.run ?? '')) {
      this.#asking?.abort.abort()
      this.#asking = undefined
      this.#readiness = 'starting'
      if (run !== '') this.#askUntilReady(run)
    }
    if (!alive && this.#wanted && shim !== undefined)
      this.#revival ??= this.#revive().finally(() => {
        this.#revival = undefined
      })
    this.#changed()
  }

  #changed(): void {
    this.#changes.notify()
    this.#deps.onChange()
  }

  /** Somebody killed the shim, and pdeathsig the app with it. */
  async #revive(): Promise<void> {
    const { clock, log } = this.#deps.host
    try {
      if (clock.monotonic() - this.#revivedAt < 10_000) await clock.sleep(1000)
      this.#revivedAt = clock.monotonic()
      killRest(this.unit)
      if (this.#wanted) await this.unit.start('revive')
    } catch (error) {
      log(`the shim of ${this.unit.record.unit} is dead and could not be replaced: ${(error as Error).message}`)
    }
  }

  #askUntilReady(run: string): void {
    const abort = new AbortController()
    this.#asking = { run, abort }
    this.#askOn(abort.signal).catch((thrown: unknown) => {
      const error = toFettleError(thrown)
      if (abort.signal.aborted) return
      this.#said = error.message
      this.#deps.host.log(`asking ${this.unit.record.unit} whether it is ready: ${error.message}`)
    })
  }

  async #askOn(signal: AbortSignal): Promise<void> {
    const { check, host } = this.#deps
    const begin = host.clock.monotonic()
    const listening = new ListenerLook()
    for (;;) {
      const answer = await this.#ask(listening, signal)
      if (signal.aborted) return
      if (answer.ready) return this.#becomeReady(answer.backend)
      this.#said = answer.said
      if (answer.foreign === true && this.#moves < MOST_MOVES) return this.#movePort()
      const passed = host.clock.monotonic() - begin
      const isLate = passed > check().within
      if (isLate && this.#readiness === 'starting') {
        this.#readiness = 'unready'
        this.#changed()
      }
      // Ready is noticed at most a tenth later than it was reached, or one pause.
      const pauseMs = answer.inMs ?? (isLate ? LATE_ASK_MS : Math.min(Math.max(passed / 10, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS))
      await host.clock.sleep(pauseMs, signal)
    }
  }

  #ask(listening: ListenerLook, signal: AbortSignal): Promise<Answer> {
    const { shim } = this.unit.status()
    if (shim === undefined) return Promise.resolve({ ready: false, said: 'it is not running' })
    const { reach } = this.#deps
    const { folder } = this.unit
    const asked = { check: this.#deps.check(), folder, pid: shim.pid, port: readPort(folder), reach, listening }
    return ask({ ...asked, pids: () => this.unit.pids(), uptimeMs: () => uptimeMs(shim) }, signal)
  }

  #becomeReady(backend: Backend | undefined): void {
    this.#readiness = 'ready'
    this.#backend = backend
    this.#changed()
  }

  /** Somebody else has the port, so the app can never be reached there: it gets another, and starts with that one. */
  async #movePort(): Promise<void> {
    const { ports, host } = this.#deps
    this.#moves += 1
    const old = readPort(this.unit.folder)
    const port = ports.take()
    await writeFileAtomic(join(this.unit.folder, 'port'), `${port}\n`, 0o600)
    if (old !== undefined) ports.release(old)
    this.#backend = undefined
    host.log(`port ${old} of ${this.unit.record.unit} is in use by another process: it moves to ${port}`)
    const { shim, alive } = this.unit.status()
    if (alive && shim?.phase === 'running') signalProcess(shim.pid, 'SIGKILL')
  }
}

const uptimeMs = ({ startTicks }: ShimState): number => Math.max(0, Math.round((ticksSinceBoot() - startTicks) * 10))
