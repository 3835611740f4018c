/** What a run measured, and whether it is what fettle promises. Pure. */
import { formatBytes, formatCount, formatDuration } from '../core/format.ts'
import type { Count } from './traffic.ts'

/** Seconds are of a whole command, from its request to its end. */
export interface Figures {
  seconds: number
  /** From the first to the last. */
  requests: Count
  /** `noSandbox`: why this machine can not show what needs one. */
  deploy: { seconds: number; noSandbox?: string }
  upgrade: Served & { rowsRehearsed: number; reversible: string; trial: string; version: string }
  /** `step`: where it was refused. Undefined where nothing can be rehearsed. */
  refused: (Served & { step: string; reason: string; version: string }) | undefined
  /** `afterMs`: from the first failed answer to the switch back; `onTrialMs`: from the switch there to the switch back. */
  returned: Served & { by: string; why: string; afterMs: number; onTrialMs: number; version: string }
  backup: { seconds: number; rows: number; storedBytes: number }
  drill: { seconds: number; compared: number; rung: string }
  restore: Served & { acknowledged: number; rowsLost: number }
  rollback: Served & { version: string }
}

/** What clients saw while a command ran. */
export interface Served {
  seconds: number
  clients: Count
}

export interface Row {
  what: string
  value: string
  /** Whether what fettle promises about it was kept; undefined: it promises nothing, such as a time. */
  isKept?: boolean
}

const inSeconds = (seconds: number): string => formatDuration(seconds * 1000)
const sentAndLost = ({ sent, lost }: Count): string => `${formatCount(sent)} / ${formatCount(lost)}`

/** The table at the end. About data and requests everything is promised; about how long it takes on this machine, nothing. */
export function figureRows(figures: Figures): Row[] {
  const { requests, deploy, upgrade, refused, returned, backup, drill, restore, rollback } = figures
  const hasSandbox = deploy.noSandbox === undefined
  /** Promised where the machine allows it. */
  const inSandbox = (what: string, value: string, isKept: boolean): Row =>
    hasSandbox ? { what, value, isKept } : { what, value: 'not shown' }
  return [
    { what: 'v1 deployed, from its source', value: inSeconds(deploy.seconds) },
    { what: 'v2 deployed, with its migration', value: inSeconds(upgrade.seconds), isKept: upgrade.version === '2.0.0' },
    { what: '  requests sent / lost meanwhile', value: sentAndLost(upgrade.clients), isKept: upgrade.clients.lost === 0 },
    inSandbox('  rows it was rehearsed on', formatCount(upgrade.rowsRehearsed), upgrade.rowsRehearsed > 0),
    inSandbox('  way back to v1', upgrade.reversible, upgrade.reversible === 'proved'),
    { what: '  trial under traffic', value: upgrade.trial, isKept: upgrade.trial === 'pass' },
    inSandbox('v3 refused on a copy', inSeconds(refused?.seconds ?? 0), isRefused(refused)),
    { what: 'v4 returned, after its first error', value: formatDuration(returned.afterMs), isKept: returned.version === '2.0.0' },
    { what: 'backup of two stores', value: `${inSeconds(backup.seconds)}, ${formatBytes(backup.storedBytes)}`, isKept: backup.rows > 0 },
    {
      what: 'drill: restored and compared',
      value: `${inSeconds(drill.seconds)}, ${formatCount(drill.compared)} rows`,
      isKept: drill.compared > 0,
    },
    { what: '  highest rung of proof', value: drill.rung, isKept: drill.rung === (hasSandbox ? 'booted' : 'content-equal') },
    { what: 'database deleted, then restored', value: inSeconds(restore.seconds) },
    {
      what: '  entries acknowledged / lost',
      value: `${formatCount(restore.acknowledged)} / ${formatCount(restore.rowsLost)}`,
      isKept: restore.acknowledged > 0 && restore.rowsLost === 0,
    },
    { what: 'rolled back to v1', value: inSeconds(rollback.seconds), isKept: rollback.version === '1.0.0' },
    { what: 'requests sent / lost in all', value: sentAndLost(requests), isKept: requests.sent > 0 && requests.lost === 0 },
    { what: '  answered within, median / p99', value: `${Math.round(requests.p50Ms)} / ${Math.round(requests.p99Ms)} ms` },
  ]
}

const isRefused = (refused: Figures['refused']): boolean =>
  refused?.step === 'rehearse-migrate' && refused.version === '2.0.0' && refused.clients.lost === 0
