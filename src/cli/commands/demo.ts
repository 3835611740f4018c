import { exitCodeOf } from '../../core/errors.ts'
import { formatDuration } from '../../core/format.ts'
import type { Demo } from '../../demo/demo.ts'
import type { Cli } from '../cli.ts'
import type { CommandDefinition } from '../command.ts'
import { untilInterrupted } from '../interrupt.ts'

export const demo: CommandDefinition = {
  options: [{ flags: '--keep', says: 'leave it running and print the addresses' }],
  example: {
    line: 'fettle demo',
    does: 'deploys, upgrades under load, refuses bad releases, backs up, proves, destroys, restores; cleans up after itself',
  },
  async run(cli, given, commands) {
    const keep = given.flag('keep')
    const [{ runDemo }, { openDemoTerminal }] = await Promise.all([import('../../demo/demo.ts'), import('../demo-terminal.ts')])
    let code = 0
    const interrupted = await untilInterrupted(cli, async signal => {
      const played = await runDemo({
        keep,
        openTerminal({ folder, project, home }) {
          const fate = keep ? 'which stays' : 'which is gone afterwards'
          cli.say('', `  ${cli.style.bold('fettle demo')} ${cli.style.dim(`in ${folder}, ${fate}`)}`)
          return openDemoTerminal({ cli, commands, project, home, signal })
        },
      })
      code = await conclude(cli, played, keep)
    })
    if (interrupted === 0) return code
    cli.say('', '    Interrupted: what ran is ended, and nothing of it is left.', '')
    return interrupted
  },
}

/** @returns the exit code: 0 only when every promise was kept in this run */
async function conclude(cli: Cli, played: Demo, keep: boolean): Promise<number> {
  const [{ figureRows }, { figureLines, keptLines }] = await Promise.all([import('../../demo/figures.ts'), import('../output/demo.ts')])
  const rows = figureRows(played.figures)
  const broken = rows.filter(row => row.isKept === false).map(({ what, value }) => `${what.trim()}: ${value}`)
  if (cli.json) cli.answer({ ...played.figures, broken, ...(keep ? { place: played.place, address: played.address } : {}) }, () => [])
  cli.say('', ...figureLines(rows, cli.style), '')
  if (keep) cli.say(...keptLines(played, cli.style))
  else cli.say(`    ${formatDuration(1000 * played.figures.seconds)} in all; nothing of it is left.`)
  cli.say('')
  if (broken.length === 0) return 0
  cli.warn(style => [...broken, ...played.losses].map(text => `${style.red('✗')} ${text}`))
  return exitCodeOf('TEST_FAILED')
}
