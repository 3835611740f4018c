/** How a run ended, in words. */
import { constants } from 'node:os'
import type { ShimState } from './shim.ts'

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]))

export function exitWords({ lastCode = 0, why }: ShimState, memoryBytes: number | undefined): string {
  if (why === 'oom') return `killed: memory limit ${memoryBytes === undefined ? '' : `${Math.round(memoryBytes / 1024 ** 2)} MiB`}`.trim()
  const signal = lastCode > 128 ? SIGNALS.get(lastCode - 128) : undefined
  return signal === undefined ? `exited ${lastCode}` : `killed by ${signal}`
}
