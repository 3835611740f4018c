import type { CommandDefinition } from '../command.ts'
import { untilInterrupted } from '../interrupt.ts'

export const demo: CommandDefinition = {
  options: [{ flags: '--keep', says: 'leave it running and print the addresses' }],
  example: {
    line: 'fettle demo',
    does: 'deploys, upgrades under load, refuses bad releases, backs up, proves, destroys, restores; cleans up after itself',
  },
  async run(cli, given) {
    const { runDemo } = await import('../../demo/demo.ts')
    return untilInterrupted(cli, async signal => {
      const figures = await runDemo({ keep: given.flag('keep'), say: line => cli.say(line), signal })
      if (cli.json) cli.answer(figures, () => [])
    })
  },
}
