/** Why a group is not ready, so that nobody has to search: what was asked, what came back, how it ended before, what it said last. */
import { FettleError } from '../../../core/errors.ts'
import { formatDuration } from '../../../core/format.ts'
import { notFoundHint } from '../../../core/program-path.ts'
import { tellingLine } from '../../../core/telling-line.ts'
import type { GroupRecord } from './group-files.ts'
import type { Instance } from './instance.ts'
import type { Logs } from './logs.ts'
import { redactorOf } from './unit-files.ts'

/** A stack trace is longer than what is shown of it, and says why in its first line. */
const LINES = { read: 60, shown: 12 }

/** Of the operation that waited, whoever knows it says where all of the log is. */
export async function notReady(instance: Instance, group: GroupRecord, logs: Logs): Promise<FettleError> {
  const { unit, said } = instance
  const { state, restarts, lastExit } = instance.state()
  const { redact } = await redactorOf(unit.folder, unit.record)
  const output = withoutRepetition(redact(await logs.tail(unit, LINES.read)))
  const lines = output.split('\n').slice(-LINES.shown).join('\n')
  const ends = restarts === 0 ? '' : `; it was restarted ${restarts} ${restarts === 1 ? 'time' : 'times'}`
  const last = lastExit === undefined ? '' : `, the last run ${lastExit}`
  const why = tellingLine(output)
  const more = lines.trim() === why ? '' : `\nIts last lines:\n${lines}`
  const log = lines === '' ? 'it printed nothing' : `it said: ${why}${more}`
  const hint = notFoundHint(unit.status().shim?.lastCode)
  return new FettleError(
    'NOT_READY',
    `${unit.record.unit} was not ready within ${formatDuration(group.ready.within)}: ${said}${ends}${last}; ${log}`,
    {
      ...(hint === undefined ? {} : { hint }),
      context: { unit: unit.record.unit, state, said, restarts, ...(lastExit === undefined ? {} : { lastExit }), lines: lines.split('\n') },
    },
  )
}

/** An app that dies at each start says the same each time: the last time is enough. */
const withoutRepetition = (text: string): string => [...new Set(text.split('\n').reverse())].reverse().join('\n')
