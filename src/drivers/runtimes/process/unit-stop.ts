/**
 * The end of a unit. The file `stop` comes first: from then on the shim starts nothing, also when this agent dies in the middle,
 * and the next agent goes on where the file says. The app's first process gets the stop signal; what outlives it (a shell's child,
 * a worker) gets the same for the rest of the time; then everything is killed, and the unit is dead when nothing of it is left.
 */
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { commandLines, descendants, isGone } from '../../../lib/proc-files.ts'
import { killCgroup, killFile, removeUnitCgroup } from './cgroups.ts'
import type { Host } from './host.ts'
import { isAlive } from './proc.ts'
import type { Unit } from './unit.ts'
import { readStop, writeStop } from './unit-files.ts'

/** Killed processes stay while the kernel ends what they are in the middle of: a walk over a slow disk, the mounts of a namespace. */
const DIES_WITHIN_MS = 30_000

export interface StopWish {
  signal: NodeJS.Signals
  drainMs: number
}

/** Resolves when the unit is dead. @throws CANCELLED: the stop is then half done, and goes on when asked for again */
export async function stopUnit(host: Host, unit: Unit, wish: StopWish, signal: AbortSignal): Promise<void> {
  const enough = AbortSignal.timeout(wish.drainMs)
  await askToEnd(host, unit, wish.signal)
  await host.fault('stop:signalled')
  if (readStop(unit.folder) === 'dead' && !unit.alive) return
  await waitForEnd(unit, signal, enough)
  await outlive(host, unit, wish.signal, AbortSignal.any([signal, enough]))
  if (signal.aborted) throw new FettleError('CANCELLED', `stopping ${unit.record.unit} was cancelled`)
  await killUnit(host, unit)
}

async function askToEnd(host: Host, unit: Unit, stopSignal: NodeJS.Signals): Promise<void> {
  // A second stop signal makes many apps quit at once and drop what they were asked to finish.
  const asked = readStop(unit.folder)
  if (asked === 'signalled' || asked === 'dead') return
  await writeStop(unit.folder, 'requested')
  await host.fault('stop:requested')
  const { shim, alive } = unit.status()
  if (!alive || shim === undefined) return
  // Only a shim that waits for its next start takes notice.
  signalProcess(shim.shimPid, 'SIGTERM')
  if (shim.phase !== 'running' || !isAlive(shim.pid, shim.startTicks)) return
  signalProcess(shim.pid, stopSignal)
  await writeStop(unit.folder, 'signalled')
}

async function waitForEnd(unit: Unit, signal: AbortSignal, enough: AbortSignal): Promise<void> {
  try {
    await unit.until(status => !status.alive, AbortSignal.any([signal, enough]))
  } catch (error) {
    if (!enough.aborted || signal.aborted) throw error
  }
}

/** Rare and short-lived, so a look every 20 ms will do: an end that nobody supervises tells nobody. */
async function outlive(host: Host, unit: Unit, stopSignal: NodeJS.Signals, until: AbortSignal): Promise<void> {
  const told = new Set<number>()
  for (let left = unit.pids(); left.length > 0 && !unit.alive && !until.aborted; left = unit.pids()) {
    for (const pid of left.filter(pid => !told.has(pid))) signalProcess(pid, stopSignal)
    for (const pid of left) told.add(pid)
    await host.clock.sleep(20)
  }
}

/** Ends everything of the unit, at once and for certain: the app, what it started, the shim last. Cheap when that was done before. */
export async function killUnit(host: Host, unit: Unit): Promise<void> {
  const asked = readStop(unit.folder)
  if (asked === 'dead' && !unit.alive) return
  if (asked === undefined) await writeStop(unit.folder, 'requested')
  const until = host.clock.monotonic() + DIES_WITHIN_MS
  for (let round = 0; ; round++) {
    killRest(unit)
    const patience = AbortSignal.timeout(round < 5 ? 200 : 2000)
    const isDead = await unit
      .until(status => !status.alive, patience)
      .then(
        () => true,
        () => false,
      )
    if (isDead && unit.pids().length === 0) break
    if (round === 5) endShim(unit)
    if (host.clock.monotonic() > until)
      throw new FettleError('INTERNAL', `${unit.record.unit} does not die: processes ${unit.pids().join(', ')}`)
    if (isDead) await host.clock.sleep(Math.min(5 * (round + 1), 100))
  }
  await removeUnitCgroup(unit.record.cgroup)
  await writeStop(unit.folder, 'dead')
}

/** Kills what there is of it now, and asks its shim to look again. Does not keep it from being started. */
export function killRest(unit: Unit): void {
  const file = killFile(unit.record.cgroup)
  const { shim, alive, isOfEarlierBoot } = unit.status()
  if (unit.pids().length > 0) {
    if (file !== undefined) killCgroup(file)
    else for (const pid of unit.pids()) signalProcess(pid, 'SIGKILL')
  }
  if (shim === undefined || isOfEarlierBoot) return
  if (!alive && shim.phase === 'running') for (const pid of leftOfShim(unit)) signalProcess(pid, 'SIGKILL')
  // Between its state line and its exec the app bears no mark yet.
  if (shim.phase === 'running' && isAlive(shim.pid, shim.startTicks)) signalProcess(shim.pid, 'SIGKILL')
  if (alive) signalProcess(shim.shimPid, 'SIGTERM')
}

/** A shim that was killed leaves the watch over its command's time. It is known by its words, for it bears no mark. */
const leftOfShim = ({ folder }: Unit): number[] =>
  commandLines()
    .filter(({ words: [name, script] }) => name === 'fettle-shim' && script === join(folder, 'shim'))
    .flatMap(({ pid }) => [...descendants(pid)])

function endShim(unit: Unit): void {
  const { shim, alive } = unit.status()
  if (alive && shim !== undefined) signalProcess(shim.shimPid, 'SIGKILL')
}

/** One that is gone needs no signal; one that became somebody else's (sudo) is named when the unit does not die. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}
