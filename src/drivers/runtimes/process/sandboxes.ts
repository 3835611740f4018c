/** The sandboxes of this machine, by name. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { FettleError, toFettleError } from '../../../core/errors.ts'
import type { Backend, Sandbox, SandboxView } from '../../../ports/runtime.ts'
import type { Place } from './definition.ts'
import { foldersIn } from './group-files.ts'
import type { Host } from './host.ts'
import { type Isolation, noIsolation, probeIsolation, SANDBOX_NEEDS } from './isolation.ts'
import type { Ports } from './ports.ts'
import { LiveSandbox } from './sandbox.ts'
import type { Trash } from './trash.ts'

export interface SandboxesDeps {
  host: Host
  ports: Ports
  trash: Trash
  /** argv of the relay. */
  relay: readonly string[]
}

const PROBE_AGAIN_MS = 5_000

export class Sandboxes {
  readonly #deps: SandboxesDeps
  readonly #folder: string
  readonly #open = new Map<string, LiveSandbox>()
  #isolation: Isolation = noIsolation('the runtime is not open yet')
  #probing: NodeJS.Timeout | undefined

  constructor(deps: SandboxesDeps) {
    this.#deps = deps
    this.#folder = join(deps.host.units, 'sandboxes')
  }

  get isolation(): Isolation {
    return this.#isolation
  }

  async open(): Promise<void> {
    await this.#probe()
    for (const name of await foldersIn(this.#folder)) await this.#add(name).adopt()
  }

  /** What keeps it from being tried, such as a full disk, must not keep the agent from serving: it is tried again. */
  async #probe(): Promise<void> {
    const { host } = this.#deps
    try {
      this.#isolation = await probeIsolation(host.units)
    } catch (thrown) {
      const { message } = toFettleError(thrown, 'try a sandbox')
      this.#isolation = noIsolation(message)
      host.log(message)
      this.#probing = setTimeout(() => void this.#probe(), PROBE_AGAIN_MS).unref()
    }
  }

  #add(name: string): LiveSandbox {
    const { host, ports, relay } = this.#deps
    // Short, for a path of a unix socket has little room.
    const sockets = join(host.units, 's', createHash('sha256').update(name).digest('hex').slice(0, 8))
    const sandbox = new LiveSandbox(name, join(this.#folder, name), sockets, { host, ports, relay, isolation: this.#isolation })
    this.#open.set(name, sandbox)
    return sandbox
  }

  async openSandbox(name: string, view: SandboxView, signal: AbortSignal): Promise<Sandbox> {
    const { kind, reason } = this.#isolation
    if (kind === 'none') {
      throw new FettleError('UNSUPPORTED', `a sandbox can not be made on this machine: ${reason}`, { hint: SANDBOX_NEEDS })
    }
    const sandbox = this.#open.get(name) ?? this.#add(name)
    await sandbox.open(view, signal)
    return { name, isolation: kind, mails: () => sandbox.mails() }
  }

  async close(name: string): Promise<void> {
    await this.#open.get(name)?.close()
    this.#open.delete(name)
    await this.#deps.trash.take(join(this.#folder, name))
  }

  names(): string[] {
    return [...this.#open.keys()]
  }

  isOpen(name: string): boolean {
    return this.#open.get(name)?.isHeld === true
  }

  place(name: string): Place {
    return this.#get(name).place
  }

  reach(name: string, host: string, port: number): Promise<Backend> {
    return this.#get(name).reach(host, port)
  }

  #get(name: string): LiveSandbox {
    const sandbox = this.#open.get(name)
    if (sandbox !== undefined) return sandbox
    throw new FettleError('NOT_FOUND', `sandbox ${name} is not open`)
  }

  release(): void {
    clearTimeout(this.#probing)
    for (const sandbox of this.#open.values()) sandbox.release()
    this.#open.clear()
  }
}
