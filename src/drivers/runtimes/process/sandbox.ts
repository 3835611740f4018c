/**
 * One place with no way out: a network namespace in which only loopback works, and a mount namespace in which the hidden folders
 * are covered. A *holder* keeps them (a command unit, so it survives the agent). Apps enter from their launch script, while their
 * shims stay outside, where the units' folders are. A *relay*, in the network and outside of the mounts, leads unix sockets to the
 * apps' ports and takes their mail.
 */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { namesIn, writeFileAtomic } from '../../../lib/files.ts'
import type { Backend } from '../../../ports/runtime.ts'
import { define, type Place } from './definition.ts'
import type { Host } from './host.ts'
import { Instance } from './instance.ts'
import { HOLDER_SCRIPT, type Isolation } from './isolation.ts'
import type { Ports } from './ports.ts'
import { pidsByNamespace } from './proc.ts'
import { requireProgram } from './programs.ts'
import { Unit } from './unit.ts'
import { hasFile, readUnitRecord, type UnitRecord, writeUnitFolder } from './unit-files.ts'
import { killUnit, signalProcess } from './unit-stop.ts'

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
/** Databases and other servers of the host listen on sockets here, and a path crosses network namespaces. */
const ALWAYS_HIDDEN = '/run'
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

  async open(hide: readonly string[], signal: AbortSignal): Promise<void> {
    await mkdir(join(this.#folder, 'mails'), { recursive: true, mode: 0o700 })
    if (this.#holder?.alive !== true) {
      // What is left of one before is in a network of its own.
      await this.close()
      await this.#startHolder(hide)
    }
    await mkdir(this.#sockets, { recursive: true, mode: 0o700 })
    await this.#untilUp(signal)
    if (this.#relay?.unit.alive !== true) await this.#startRelay()
    await this.#relay?.untilReady(AbortSignal.any([signal, AbortSignal.timeout(RELAY_CHECK.within)])).catch(error => {
      throw new FettleError('NOT_READY', `the relay of sandbox ${this.#name} does not answer: ${this.#relay?.said}`, { cause: error })
    })
  }

  async #startHolder(hide: readonly string[]): Promise<void> {
    const { host, isolation } = this.#deps
    const hidden = host.units.startsWith(`${ALWAYS_HIDDEN}/`) ? hide : [ALWAYS_HIDDEN, ...hide]
    const covered = isolation.kind === 'network+files' ? hidden : []
    const argv = [...isolation.make, '/bin/sh', '-c', `${HOLDER_SCRIPT}: >up\nexec sleep infinity`, 'sh', ...covered]
    await rm(join(this.#folder, 'up'), { force: true })
    const unit = { unit: `sandbox.${this.#name}`, labels: LABELS, argv, cwd: this.#folder, env: {} }
    const { record, texts } = define(host, { kind: 'command', ...unit }, undefined)
    await writeUnitFolder(join(this.#folder, 'holder'), record, texts)
    this.#holder = new Unit(host, join(this.#folder, 'holder'), record)
    await this.#holder.start('sandbox')
  }

  /** A matter of milliseconds, of which nobody tells. */
  async #untilUp(signal: AbortSignal): Promise<void> {
    while (!hasFile(this.#folder, 'up')) {
      if (this.#holder?.alive !== true) {
        const said = await readFile(join(this.#folder, 'holder', 'log'), 'utf8')
        throw new FettleError('UNSUPPORTED', `sandbox ${this.#name} could not be made: ${said.trim()}`)
      }
      await this.#deps.host.clock.sleep(2, signal)
    }
  }

  async #startRelay(): Promise<void> {
    const { host, relay, isolation } = this.#deps
    const argv = [...relay, this.#sockets, join(this.#folder, 'mails')]
    const unit = { unit: `relay.${this.#name}`, labels: LABELS, argv, cwd: this.#folder, env: {} }
    const { record, texts } = define(host, { kind: 'service', ...unit }, this.#place(isolation.network))
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
    return this.#place(this.#deps.isolation.files)
  }

  #place(namespaces: readonly string[]): Place {
    const shim = this.#holder?.status().shim
    if (this.#holder?.alive !== true || shim === undefined) {
      throw new FettleError('NOT_FOUND', `sandbox ${this.#name} is not open`, { hint: 'Open it again: whatever ran in it is gone.' })
    }
    const { pid, startTicks } = shim
    return { enter: [requireProgram('nsenter'), '--target', String(pid), ...namespaces, '--'], holder: { pid, startTicks } }
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

  /** Ends everything in it, found by its network, which no process in it can leave. */
  async close(): Promise<void> {
    const { host } = this.#deps
    const shim = this.#holder?.alive === true ? this.#holder.status().shim : undefined
    for (const pid of shim === undefined ? [] : pidsByNamespace(shim.pid, 'net')) if (pid !== shim?.pid) signalProcess(pid, 'SIGKILL')
    await this.#relay?.kill()
    if (this.#holder !== undefined) await killUnit(host, this.#holder)
    await host.fault('sandbox:ended')
    await rm(this.#sockets, { recursive: true, force: true })
    this.release()
  }

  release(): void {
    this.#relay?.release()
    this.#holder?.release()
  }
}
