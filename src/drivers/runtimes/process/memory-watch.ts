/**
 * Memory limits where no control group enforces them: looked at every two seconds. At the limit an app is asked to end as for a
 * stop, and its shim starts it again; beyond 1.2 times, or when it does not listen, it is killed.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { proportionalBytes, residentBytes } from './proc.ts'
import { lookedAtOnce, type Seen, type Unit } from './unit.ts'
import { killRest, signalProcess } from './unit-stop.ts'

const LOOK_EVERY_MS = 2000
const KILL_AT = 1.2

export interface Limited {
  unit: Unit
  stop: { signal: NodeJS.Signals; drainMs: number }
}

/** @returns an idempotent stop */
export function watchMemory(list: () => Iterable<Limited>): () => void {
  const askedAt = new Map<string, number>()
  const timer = setInterval(() => {
    const seen = lookedAtOnce()
    for (const limited of list()) look(limited, askedAt, seen)
  }, LOOK_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function look({ unit, stop }: Limited, askedAt: Map<string, number>, seen: Seen): void {
  const { memoryBytes, cgroup } = unit.record
  if (memoryBytes === undefined || cgroup.memory !== undefined) return
  const { shim, alive, stopping } = unit.status()
  if (!alive || stopping || shim?.phase !== 'running') return
  const pids = unit.pids(seen)
  if (residentBytes(pids) < memoryBytes) return
  const bytes = proportionalBytes(pids)
  if (bytes < memoryBytes) return
  const run = `${shim.pid} ${shim.startTicks}`
  const asked = askedAt.get(run)
  // The shim reads the reason here when the app ends.
  writeFileSync(join(unit.folder, 'over-memory'), String(bytes))
  if (bytes >= memoryBytes * KILL_AT || (asked !== undefined && performance.now() - asked > stop.drainMs)) killRest(unit)
  else if (asked === undefined) {
    askedAt.set(run, performance.now())
    signalProcess(shim.pid, stop.signal)
  }
}
