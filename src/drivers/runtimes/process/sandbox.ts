/**
 * One place with no way out: namespaces of its own for network, processes, files and shared memory. A *holder* keeps them (a command
 * unit, so it survives the agent). Apps enter as they are launched, while their shims stay outside, where the units' folders are. A
 * *relay*, which is in the network and nowhere else, leads unix sockets to the apps' ports and takes their mail.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { makeFolder, namesIn, readNow, writeFileAtomic } from '../../../lib/files.ts'
import { removeTree } from '../../../lib/remove-tree.ts'
import type { Backend, SandboxView } from '../../../ports/runtime.ts'
import { define, type Place } from './definition.ts'
import type { Host } from './host.ts'
import { Instance } from './instance.ts'
import type { Entered, Isolation } from './isolation.ts'
import type { Ports } from './ports.ts'
import { type Held, holderArgv, parseHeld, wallsText } from './sandbox-script.ts'
import { wallsOf } from './sandbox-walls.ts'
import { Unit } from './unit.ts'
import { hasFile, readUnitRecord, type UnitRecord, writeUnitFolder } from './unit-files.ts'
import { killUnit } from './unit-stop.ts'

export interface SandboxDeps {
  host: Host
  ports: Ports
  isolation: Isolation
  /** argv of the relay. */
  relay: readonly string[]
}

/** Its mail port: reached through itself, it shows that the whole way works. */
const RELAY_PORT = 1025
const RELAY_CHECK = { tcp: true, within: 10_000 } as const
const LABELS = { app: 'fettle', environment: 'sandbox' }
/** Of the path of a unix socket. */
const LONGEST_PATH = 107

export class LiveSandbox {
  readonly #deps: SandboxDeps
  readonly #name: string
  readonly #folder: string
  readonly #sockets: string
  #holder: Unit | undefined
  #relay: Instance | undefined

  /** `sockets`: a short path. */
  constructor(name: string, folder: string, sockets: string, deps: SandboxDeps) {
    this.#name = name
    this.#folder = folder
    this.#sockets = sockets
    this.#deps = deps
  }

  async adopt(): Promise<void> {
    const [holder, relay] = await Promise.all(['holder', 'relay'].map(part => readUnitRecord(join(this.#folder, part))))
    if (holder !== undefined) this.#holder = new Unit(this.#deps.host, join(this.#folder, 'holder'), holder)
    this.#holder?.adopt()
    if (relay !== undefined) this.#relay = this.#newRelay(relay)
    this.#relay?.adopt()
  }

  async open(view: SandboxView, signal: AbortSignal): Promise<void> {
    await mkdir(join(this.#folder, 'mails'), { recursive: true, mode: 0o700 })
    if (this.#holder?.alive !== true) {
      // What is left of one before is in a network of its own.
      await this.close()
      await this.#startHolder(view)
    }
    await mkdir(this.#sockets, { recursive: true, mode: 0o700 })
    // The relay needs its network alone, and takes its time to start: meanwhile the walls come up.
    await this.#untilHeld(signal)
    if (this.#relay?.unit.alive !== true) await this.#startRelay()
    await this.#untilHeld(signal, ({ isClosed }) => isClosed)
    await this.#relay?.untilReady(AbortSignal.any([signal, AbortSignal.timeout(RELAY_CHECK.within)])).catch(error => {
      throw new FettleError('NOT_READY', `the relay of sandbox ${this.#name} does not answer: ${this.#relay?.said}`, { cause: error })
    })
  }

  async #startHolder(view: SandboxView): Promise<void> {
    const { host, isolation } = this.#deps
    for (const folder of view.write) await makeFolder(folder, 0o700)
    await rm(join(this.#folder, 'up'), { force: true })
    await writeFile(join(this.#folder, 'walls'), wallsText(wallsOf(view)), { mode: 0o600 })
    const argv = [...isolation.make, ...holderArgv(this.#folder)]
    const unit = { unit: `sandbox.${this.#name}`, labels: LABELS, argv, cwd: this.#folder, env: {} }
    const { record, texts } = define(host, { kind: 'command', ...unit }, undefined)
    await writeUnitFolder(join(this.#folder, 'holder'), record, texts)
    this.#holder = new Unit(host, join(this.#folder, 'holder'), record)
    await this.#holder.start('sandbox')
  }

  get isHeld(): boolean {
    return this.#held !== undefined
  }

  get #held(): Held | undefined {
    return this.#holder?.alive === true ? parseHeld(readNow(join(this.#folder, 'up')) ?? '') : undefined
  }

  /** A matter of milliseconds, of which nobody tells. */
  async #untilHeld(signal: AbortSignal, isIt: (held: Held) => boolean = () => true): Promise<void> {
    for (let held = this.#held; held === undefined || !isIt(held); held = this.#held) {
      if (this.#holder?.alive !== true) {
        const said = await readFile(join(this.#folder, 'holder', 'log'), 'utf8')
        throw new FettleError('UNSUPPORTED', `sandbox ${this.#name} could not be made: ${said.trim()}`)
      }
      await this.#deps.host.clock.sleep(2, signal)
    }
  }

  async #startRelay(): Promise<void> {
    const { host, relay, isolation } = this.#deps
    const holder = this.#requireHeld()
    const argv = [...relay, this.#sockets, join(this.#folder, 'mails')]
    const unit = { unit: `relay.${this.#name}`, labels: LABELS, argv, cwd: this.#folder, env: {} }
    const { record, texts } = define(
      host,
      { kind: 'service', ...unit },
      { holder, way: [...isolation.enter(holder.pid, 'network'), ...isolation.confine] },
    )
    await writeUnitFolder(join(this.#folder, 'relay'), record, { ...texts, port: RELAY_PORT })
    await this.reach('127.0.0.1', RELAY_PORT)
    this.#relay = this.#newRelay(record)
    await this.#relay.start()
  }

  #newRelay(record: UnitRecord): Instance {
    const { host, ports } = this.#deps
    const reach = (address: string, port: number) => this.reach(address, port)
    return new Instance(0, join(this.#folder, 'relay'), record, { host, ports, check: () => RELAY_CHECK, reach, onChange: () => undefined })
  }

  /** For apps. @throws FettleError NOT_FOUND when its holder is gone, as after a reboot */
  get place(): Place {
    const { isolation } = this.#deps
    const holder = this.#requireHeld()
    const enter = (which: Entered) => isolation.enter(holder.pid, which)
    return {
      holder,
      way: [...isolation.tie, ...enter('all'), ...isolation.confine],
      steps: [
        [...isolation.tie, ...enter('processes')],
        [...enter('rest'), ...isolation.confine],
      ],
    }
  }

  #requireHeld(): Held {
    const held = this.#held
    if (held !== undefined) return held
    throw new FettleError('NOT_FOUND', `sandbox ${this.#name} is not open`, { hint: 'Open it again: whatever ran in it is gone.' })
  }

  /** Asks the relay for a way to a port inside. It is there a moment later. */
  async reach(host: string, port: number): Promise<Backend> {
    const path = join(this.#sockets, String(port))
    if (path.length > LONGEST_PATH)
      throw new FettleError('UNSUPPORTED', `${path} is too long for a unix socket: choose a shorter home for fettle`)
    if (!hasFile(this.#sockets, `${port}.to`)) await writeFileAtomic(`${path}.to`, `${host}\n`)
    return { kind: 'unix', path }
  }

  async mails(): Promise<number> {
    const names = await namesIn(join(this.#folder, 'mails'))
    return names.filter(name => name.endsWith('.eml')).length
  }

  /** Ends everything in it: with the first process of its world the kernel ends all others. */
  async close(): Promise<void> {
    const { host } = this.#deps
    await Promise.all([this.#relay?.kill(), this.#holder && killUnit(host, this.#holder)])
    await host.fault('sandbox:ended')
    await removeTree(this.#sockets)
    this.release()
  }

  release(): void {
    this.#relay?.release()
    this.#holder?.release()
  }
}
