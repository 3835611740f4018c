/** How soon the command line answers, through its launcher, against a Node that does nothing: in turn, so that both meet the same noise. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { assembleGuestbook } from '../test/helpers/guestbook.ts'
import { type Installation, openInstallation } from '../test/helpers/installation.ts'
import { atMost, median, type Row } from './row.ts'

const fettle = join(import.meta.dirname, '../fettle')

const COMMANDS = [
  { args: ['--version'], times: 1.5 },
  { args: ['status'], times: 2.5 },
  { args: ['validate'], times: 4 },
]

function millisecondsOf(program: string, args: string[], { app, home }: Installation): number {
  const began = performance.now()
  const { status, stderr } = spawnSync(program, args, { cwd: app, env: { ...process.env, FETTLE_HOME: home }, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}`)
  return performance.now() - began
}

/** Judged by the medians; the minima, which other work disturbs least, stand beside them. */
export async function benchStart(rounds = 31): Promise<Row[]> {
  const installation = await openInstallation(into => assembleGuestbook('v1', into))
  try {
    await installation.must(['deploy'])
    const nothing: number[] = []
    const times = COMMANDS.map(({ args }) => ({ args, all: [] as number[] }))
    for (let round = 0; round <= rounds; round++) {
      const bare = millisecondsOf(process.execPath, ['-e', '0'], installation)
      const each = times.map(({ args }) => millisecondsOf(fettle, args, installation))
      if (round === 0) continue // its compiled code is not kept yet
      nothing.push(bare)
      for (const [index, time] of each.entries()) times[index]?.all.push(time)
    }
    return COMMANDS.map(({ args, times: target }, index) => {
      const all = times[index]?.all ?? []
      const least = Math.min(...all) / Math.min(...nothing)
      return atMost(`fettle ${args.join(' ')}, by node -e 0 (minima ${least.toFixed(2)} ×)`, median(all) / median(nothing), target, '×')
    })
  } finally {
    await installation.close()
  }
}
