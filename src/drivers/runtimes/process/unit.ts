/**
 * One instance or command: its folder, and the link to its shim. The shim alone holds the FIFO `alive` open for writing, so the
 * end of the stream is the end of the shim, at once, for an agent that is its parent and for one that is not, whatever became of
 * its pid; a line on it says that `state` changed. Nothing is polled.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { pidsByEnvironment, readBootId } from '../../../lib/proc-files.ts'
import { cgroupPids, killFile, makeUnitCgroup, oomFile } from './cgroups.ts'
import { Changes } from './changes.ts'
import type { Host } from './host.ts'
import { pidsByVariable } from './proc.ts'
import { type ShimState, STATE_BYTES, shimScript } from './shim.ts'
import { hasFile, readState, readStop, UNIT_VARIABLE, type UnitRecord, unitMark } from './unit-files.ts'

export interface UnitStatus {
  /** Its shim lives. */
  alive: boolean
  /** Undefined: the app was never started. */
  shim: ShimState | undefined
  /** Somebody asked for its end. */
  stopping: boolean
  /** `shim` is from before the machine started last. */
  isOfEarlierBoot: boolean
}

/** The processes of every unit, by its folder. */
export type Seen = () => ReadonlyMap<string, readonly number[]>

/** One look at all processes, taken when the first unit asks. */
export function lookedAtOnce(): Seen {
  let seen: Map<string, number[]> | undefined
  return () => (seen ??= pidsByVariable(UNIT_VARIABLE))
}

export class Unit {
  readonly folder: string
  record: UnitRecord
  readonly #host: Host
  readonly #onChange: () => void
  readonly #changes = new Changes()
  #link: Socket | undefined

  constructor(host: Host, folder: string, record: UnitRecord, onChange: () => void = () => undefined) {
    this.#host = host
    this.folder = folder
    this.record = record
    this.#onChange = onChange
  }

  get alive(): boolean {
    return this.#link !== undefined
  }

  status(): UnitStatus {
    const shim = readState(this.folder)
    return {
      alive: this.alive,
      shim,
      stopping: readStop(this.folder) !== undefined,
      isOfEarlierBoot: (shim?.boot ?? this.record.boot) !== readBootId(),
    }
  }

  /** Links to the shim when one lives. @returns whether it does */
  adopt(): boolean {
    if (this.#link !== undefined) return true
    if (!hasFile(this.folder, 'alive')) return false
    const reader = this.#openFifo(constants.O_RDONLY)
    if (hasWriter(reader)) this.#listen(reader)
    else closeSync(reader)
    return this.alive
  }

  /** Starts the shim, and resolves when it has started the app. Only for a unit that is not alive. */
  async start(faultPrefix: string): Promise<void> {
    const before = this.status()
    await makeUnitCgroup(this.record.cgroup)
    const restarts = before.shim === undefined || before.isOfEarlierBoot || before.stopping ? 0 : before.shim.restarts + 1
    await writeFile(join(this.folder, 'shim'), this.#shimText(restarts), { mode: 0o600 })
    // Blank, not missing: the shim writes over it in place, which needs no room on a full disk.
    await writeFile(join(this.folder, 'state'), ' '.repeat(STATE_BYTES), { mode: 0o600 })
    for (const stale of ['stop', 'timedout', 'over-memory']) await rm(join(this.folder, stale), { force: true })
    if (!hasFile(this.folder, 'alive')) await this.#host.fifos.put(join(this.folder, 'alive'))
    await this.#host.fault(`${faultPrefix}:folder-written`)
    await this.#spawn()
    await this.#host.fault(`${faultPrefix}:spawned`)
    const { shim } = await this.until(status => status.shim !== undefined || !status.alive)
    if (shim === undefined) throw new FettleError('INTERNAL', `the shim of ${this.record.unit} ended before it started anything`)
  }

  #shimText(restarts: number): string {
    const { kind, timeoutMs, cgroup } = this.record
    return shimScript({ mode: kind, ...this.#host.restart, timeoutMs, restarts, killFile: killFile(cgroup), oomFile: oomFile(cgroup) })
  }

  #openFifo(mode: number): number {
    return openSync(join(this.folder, 'alive'), mode | constants.O_NONBLOCK)
  }

  /** The writing end is opened here and handed down, so that there is no moment in which a living shim has none. */
  async #spawn(): Promise<void> {
    const writer = this.#openFifo(constants.O_RDWR)
    try {
      const child = spawn('/bin/sh', [join(this.folder, 'shim')], {
        argv0: 'fettle-shim',
        cwd: this.folder,
        detached: true,
        stdio: ['ignore', 'ignore', 'ignore', writer],
        env: { PATH: '/usr/bin:/bin' },
      })
      await once(child, 'spawn')
      child.unref()
      this.#listen(this.#openFifo(constants.O_RDONLY))
    } finally {
      closeSync(writer)
    }
  }

  #listen(reader: number): void {
    const link = new Socket({ fd: reader, readable: true, writable: false })
    link.on('data', () => this.#wake())
    link.on('error', error => this.#host.log(`the link to ${this.record.unit} broke: ${error.message}`))
    link.on('close', () => {
      if (this.#link !== link) return
      this.#link = undefined
      this.#wake()
    })
    this.#link = link
  }

  #wake(): void {
    this.#onChange()
    this.#changes.notify()
  }

  /** Resolves with the first status that satisfies. @throws CANCELLED */
  until(isIt: (status: UnitStatus) => boolean, signal?: AbortSignal): Promise<UnitStatus> {
    const find = () => {
      const status = this.status()
      return isIt(status) ? status : undefined
    }
    return this.#changes.until(find, this.record.unit, signal)
  }

  /** The app and everything that it started, its shim not. @param seen where many units are asked */
  pids(seen?: Seen): readonly number[] {
    return (
      cgroupPids(this.record.cgroup) ?? (seen === undefined ? pidsByEnvironment(unitMark(this.folder)) : (seen().get(this.folder) ?? []))
    )
  }

  /** Stops listening; the unit goes on. */
  release(): void {
    const link = this.#link
    this.#link = undefined
    link?.destroy()
  }
}

/** A FIFO without a writer reads as ended, one with a silent writer as not ready. What was said to an earlier agent is skipped. */
function hasWriter(reader: number): boolean {
  const buffer = Buffer.alloc(4096)
  try {
    while (readSync(reader, buffer) > 0);
    return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return true
    throw error
  }
}
