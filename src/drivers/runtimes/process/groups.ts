/** Services: groups of instances, from what is on disk and what runs. */
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { mapConcurrently } from '../../../lib/concurrency.ts'
import type { Backend, Group, GroupState, InstanceState, Labels } from '../../../ports/runtime.ts'
import { defineInstance, isAsDefined } from './definition.ts'
import { foldersIn, type GroupRecord, indicesIn, matches, readGroup, recordFromUnits, recordOfGroup, writeGroup } from './group-files.ts'
import type { Host } from './host.ts'
import { Instance } from './instance.ts'
import type { Logs } from './logs.ts'
import type { Limited } from './memory-watch.ts'
import { notReady } from './not-ready.ts'
import type { Ports } from './ports.ts'
import type { Sandboxes } from './sandboxes.ts'
import type { Trash } from './trash.ts'
import { lookedAtOnce } from './unit.ts'
import { logBegan, readPort, readStop, readUnitRecord, type UnitRecord, writeUnitFolder } from './unit-files.ts'

export interface GroupsDeps {
  host: Host
  ports: Ports
  sandboxes: Sandboxes
  logs: Logs
  trash: Trash
}

interface LiveGroup {
  folder: string
  record: GroupRecord
  instances: Map<number, Instance>
}

export class Groups {
  readonly #deps: GroupsDeps
  readonly #folder: string
  readonly #groups = new Map<string, LiveGroup>()
  readonly #listeners = new Set<(group: GroupState) => void>()
  readonly #announced = new Set<string>()

  constructor(deps: GroupsDeps) {
    this.#deps = deps
    this.#folder = join(deps.host.units, 'groups')
  }

  async open(): Promise<void> {
    for (const name of await foldersIn(this.#folder)) {
      const folder = join(this.#folder, name)
      const record = (await readGroup(folder)) ?? (await recordFromUnits(folder, name))
      if (record === undefined) continue
      const group: LiveGroup = { folder, record, instances: new Map() }
      this.#groups.set(name, group)
      for (const index of await indicesIn(folder)) await this.#adopt(group, index)
    }
  }

  async #adopt(group: LiveGroup, index: number): Promise<void> {
    const folder = join(group.folder, String(index))
    const record = await readUnitRecord(folder)
    if (record === undefined) return
    const port = readPort(folder)
    if (port !== undefined) this.#deps.ports.keep(port)
    const instance = await this.#addInstance(group, index, record)
    instance.adopt()
    if (readStop(folder) === undefined || !instance.unit.alive) return
    // An agent died while it stopped this one. The one that asked is gone, so nobody waits for it here.
    instance.stop(group.record.stop, new AbortController().signal).catch((error: Error) => this.#deps.host.log(error.message))
  }

  async #addInstance(group: LiveGroup, index: number, record: UnitRecord): Promise<Instance> {
    const { host, ports, sandboxes, logs } = this.#deps
    const { sandbox } = record
    const folder = join(group.folder, String(index))
    const instance = new Instance(index, folder, record, {
      host,
      ports,
      check: () => group.record.ready,
      reach: async (address, port) =>
        sandbox === undefined ? { kind: 'tcp', host: address, port, unit: folder } : sandboxes.reach(sandbox, address, port),
      onChange: () => this.#announce(group.record.name),
    })
    group.instances.set(index, instance)
    await logs.add(instance.unit)
    return instance
  }

  async apply(wanted: Group, signal: AbortSignal): Promise<void> {
    const group = this.#groups.get(wanted.name) ?? {
      folder: join(this.#folder, wanted.name),
      record: recordOfGroup(wanted),
      instances: new Map(),
    }
    group.record = recordOfGroup(wanted)
    await writeGroup(group.folder, group.record)
    this.#groups.set(wanted.name, group)
    const surplus = [...group.instances.keys()].filter(index => index >= wanted.instances)
    const indices = [...Array(wanted.instances).keys(), ...surplus]
    // Where one fails the others are waited for: whoever removes the group then must not miss one that is still being started.
    await mapConcurrently(indices, indices.length, index =>
      index < wanted.instances ? this.#applyInstance(group, wanted, index, signal) : this.#removeInstance(group, index, signal),
    )
    this.#announce(wanted.name)
  }

  async #applyInstance(group: LiveGroup, wanted: Group, index: number, signal: AbortSignal): Promise<void> {
    const { host, ports, sandboxes } = this.#deps
    const folder = join(group.folder, String(index))
    const definition = defineInstance(host, wanted, index, wanted.sandbox === undefined ? undefined : sandboxes.place(wanted.sandbox))
    const present = group.instances.get(index)
    if (present !== undefined) {
      const hasPort = readPort(folder) !== undefined
      const isRight = hasPort === wanted.port && (await isAsDefined(folder, present.unit.record, definition))
      if (present.unit.alive && isRight && readStop(folder) === undefined) return
      await present.stop(group.record.stop, signal)
      present.release()
    }
    const port = wanted.port ? (readPort(folder) ?? ports.take()) : undefined
    const record = present === undefined ? definition.record : { ...definition.record, logBegan: logBegan(present.unit.record) }
    await writeUnitFolder(folder, record, { ...definition.texts, port })
    const instance = await this.#addInstance(group, index, record)
    await instance.start()
  }

  async ready(name: string, signal: AbortSignal): Promise<Backend[]> {
    const { instances, record } = this.#get(name)
    const ordered = [...instances.values()].sort((a, b) => a.index - b.index)
    if (ordered.length < record.instances) {
      throw new FettleError('NOT_READY', `of ${record.instances} instances of ${name} only ${ordered.length} were started`)
    }
    const deadline = AbortSignal.timeout(record.ready.within)
    try {
      await Promise.all(ordered.map(instance => instance.untilReady(AbortSignal.any([signal, deadline]))))
    } catch (error) {
      const late = ordered.find(instance => instance.state().state !== 'ready')
      if (signal.aborted || late === undefined) throw error
      throw await notReady(late, record, this.#deps.logs)
    }
    return ordered.map(({ backend }) => backend).filter(backend => backend !== undefined)
  }

  #get(name: string): LiveGroup {
    const group = this.#groups.get(name)
    if (group !== undefined) return group
    throw new FettleError('NOT_FOUND', `no group ${name} was applied here`, { context: { group: name } })
  }

  list(selector: Partial<Labels>): Promise<GroupState[]> {
    const seen = lookedAtOnce()
    const wanted = [...this.#groups.values()].filter(({ record }) => matches(record.labels, selector))
    return Promise.all(
      wanted.map(async group =>
        stateOf(group, await Promise.all([...group.instances.values()].map(instance => instance.stateWithMemory(seen)))),
      ),
    )
  }

  onChange(listener: (group: GroupState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What happens at once is told once. */
  #announce(name: string): void {
    if (this.#announced.has(name)) return
    this.#announced.add(name)
    queueMicrotask(() => {
      this.#announced.delete(name)
      const group = this.#groups.get(name)
      if (group !== undefined) for (const listener of this.#listeners) listener(stateOf(group, statesOf(group)))
    })
  }

  async stop(name: string, signal: AbortSignal): Promise<void> {
    const group = this.#groups.get(name)
    if (group === undefined) return
    await Promise.all([...group.instances.values()].map(instance => instance.stop(group.record.stop, signal)))
  }

  async remove(name: string, signal: AbortSignal, operation?: string): Promise<void> {
    const { host, trash } = this.#deps
    const group = this.#groups.get(name)
    if (group === undefined) return trash.take(join(this.#folder, name))
    await this.stop(name, signal)
    await host.fault('remove:stopped')
    for (const index of [...group.instances.keys()]) await this.#removeInstance(group, index, signal, operation)
    await host.fault('remove:emptied')
    await trash.take(group.folder)
    this.#groups.delete(name)
    const gone = stateOf({ ...group, record: { ...group.record, instances: 0 } }, statesOf(group))
    for (const listener of this.#listeners) listener(gone)
  }

  async #removeInstance(group: LiveGroup, index: number, signal: AbortSignal, operation?: string): Promise<void> {
    const { logs, ports, trash } = this.#deps
    const instance = group.instances.get(index)
    if (instance === undefined) return
    await instance.stop(group.record.stop, signal)
    instance.release()
    await logs.archive(instance.unit, operation)
    const port = readPort(instance.unit.folder)
    await trash.take(instance.unit.folder)
    if (port !== undefined) ports.release(port)
    group.instances.delete(index)
  }

  /** At once, and still listed: their sandbox is taken away from under them. */
  async killInSandbox(sandbox: string): Promise<void> {
    const instances = [...this.#groups.values()].flatMap(group => [...group.instances.values()])
    await Promise.all(instances.filter(({ unit }) => unit.record.sandbox === sandbox).map(instance => instance.kill()))
  }

  *limited(): Generator<Limited> {
    for (const { instances, record } of this.#groups.values()) for (const { unit } of instances.values()) yield { unit, stop: record.stop }
  }

  close(): void {
    for (const group of this.#groups.values()) for (const instance of group.instances.values()) instance.release()
    this.#groups.clear()
    this.#listeners.clear()
  }
}

const statesOf = ({ instances }: LiveGroup): InstanceState[] => [...instances.values()].map(instance => instance.state())

const stateOf = ({ record }: LiveGroup, instances: InstanceState[]): GroupState => ({
  name: record.name,
  labels: record.labels,
  wanted: record.instances,
  instances: instances.sort((a, b) => a.index - b.index),
})
