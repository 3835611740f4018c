/** Commands: units that run once and leave a result. Whoever asks again under the name gets the same run. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { removeTree } from '../../../lib/remove-tree.ts'
import type { Command, CommandResult, CommandState, Labels } from '../../../ports/runtime.ts'
import { defineCommand } from './definition.ts'
import { foldersIn, matches } from './group-files.ts'
import type { Host } from './host.ts'
import type { Logs } from './logs.ts'
import type { Limited } from './memory-watch.ts'
import { ticksSinceBoot } from './proc.ts'
import type { Sandboxes } from './sandboxes.ts'
import type { Trash } from './trash.ts'
import { Unit, type UnitStatus } from './unit.ts'
import { hasFile, readUnitRecord, redactorOf, writeUnitFolder } from './unit-files.ts'
import { killUnit, stopUnit } from './unit-stop.ts'

const TAIL_BYTES = 4096
const TAIL_LINES = 200
const KILL = { signal: 'SIGTERM', drainMs: 5000 } as const

export class Commands {
  readonly #deps: { host: Host; sandboxes: Sandboxes; logs: Logs; trash: Trash }
  readonly #folder: string
  readonly #units = new Map<string, Unit>()
  /** Two who ask at the same moment wait for one start. */
  readonly #starting = new Map<string, Promise<Unit>>()

  constructor(deps: { host: Host; sandboxes: Sandboxes; logs: Logs; trash: Trash }) {
    this.#deps = deps
    this.#folder = join(deps.host.units, 'commands')
  }

  async open(): Promise<void> {
    for (const name of await foldersIn(this.#folder)) {
      const folder = join(this.#folder, name)
      const record = await readUnitRecord(folder)
      if (record === undefined) {
        // Its maker was killed before there was anything to start.
        if (!hasFile(folder, 'state')) await removeTree(folder)
        continue
      }
      const unit = new Unit(this.#deps.host, folder, record)
      if (!unit.adopt()) await killUnit(this.#deps.host, unit)
      this.#units.set(name, unit)
      await this.#deps.logs.add(unit)
    }
  }

  async run(command: Command, signal: AbortSignal): Promise<CommandResult> {
    const { name } = command
    const starting = this.#starting.get(name) ?? this.#start(command).finally(() => this.#starting.delete(name))
    this.#starting.set(name, starting)
    const unit = await starting
    const status = await unit.until(({ alive }) => !alive, signal)
    // What it left behind: nobody may go on beside that.
    await killUnit(this.#deps.host, unit)
    const result = await this.#result(unit, status)
    if (result !== undefined) return result
    throw new FettleError('LOST', `the result of ${name} is unknown: it was started and is gone, as after a power cut`, {
      hint: 'Look at what it changed before you run the operation again.',
      context: { command: name },
    })
  }

  async #start(command: Command): Promise<Unit> {
    const { host, sandboxes, logs } = this.#deps
    const present = this.#units.get(command.name)
    if (present !== undefined && wasStarted(present.status())) return present
    const folder = join(this.#folder, command.name)
    const place = command.sandbox === undefined ? undefined : sandboxes.place(command.sandbox)
    const { record, texts } = defineCommand(host, command, place)
    await writeUnitFolder(folder, record, texts)
    const unit = new Unit(host, folder, record)
    this.#units.set(command.name, unit)
    await logs.add(unit)
    await unit.start('run')
    // It is open by now, and it may hold a key.
    await rm(join(folder, 'stdin'), { force: true })
    return unit
  }

  async #result(unit: Unit, { shim }: UnitStatus): Promise<CommandResult | undefined> {
    if (shim === undefined || (shim.phase !== 'exited' && shim.phase !== 'stopped')) return undefined
    const { redact } = await redactorOf(unit.folder, unit.record)
    const tail = redact(await this.#deps.logs.tail(unit, TAIL_LINES))
    return { code: shim.lastCode ?? 143, timedOut: shim.why === 'timeout', durationMs: shim.lastRanMs, tail: tail.slice(-TAIL_BYTES) }
  }

  async state(name: string): Promise<CommandState> {
    const unit = this.#units.get(name)
    if (unit === undefined) return { state: 'absent' }
    const status = unit.status()
    if (!wasStarted(status)) return { state: 'absent' }
    if (status.alive) return { state: 'running', sinceMs: this.#since(unit, status) }
    const result = await this.#result(unit, status)
    return result === undefined ? { state: 'lost' } : { state: 'exited', result }
  }

  #since(unit: Unit, { shim }: UnitStatus): number {
    if (shim === undefined || shim.startTicks === 0) return unit.record.createdAt
    return Math.round(this.#deps.host.clock.now() - (ticksSinceBoot() - shim.startTicks) * 10)
  }

  async kill(name: string): Promise<void> {
    const unit = this.#units.get(name)
    if (unit?.alive === true) await stopUnit(this.#deps.host, unit, KILL, new AbortController().signal)
  }

  async forget(name: string): Promise<void> {
    await this.kill(name)
    const unit = this.#units.get(name)
    if (unit !== undefined) {
      await killUnit(this.#deps.host, unit)
      await this.#deps.logs.archive(unit)
      unit.release()
    }
    this.#units.delete(name)
    await this.#deps.trash.take(join(this.#folder, name))
  }

  list(selector: Partial<Labels>): string[] {
    return [...this.#units].filter(([, { record }]) => matches(record.labels, selector)).map(([name]) => name)
  }

  async killInSandbox(sandbox: string): Promise<void> {
    const inside = [...this.#units.values()].filter(({ alive, record }) => alive && record.sandbox === sandbox)
    await Promise.all(inside.map(unit => killUnit(this.#deps.host, unit)))
  }

  *limited(): Generator<Limited> {
    for (const unit of this.#units.values()) yield { unit, stop: KILL }
  }

  close(): void {
    for (const unit of this.#units.values()) unit.release()
    this.#units.clear()
  }
}

/** Without a state line the shim never came as far as its exec; after a power cut that line may have been lost. */
const wasStarted = ({ alive, shim, isOfEarlierBoot }: UnitStatus): boolean => alive || shim !== undefined || isOfEarlierBoot
