import { FettleError } from '../../core/errors.ts'
import type { CommandDefinition } from '../command.ts'

export const completion: CommandDefinition = {
  arguments: [{ name: '<shell>', says: 'bash, zsh or fish', choices: ['bash', 'zsh', 'fish'] }],
  example: {
    line: 'fettle completion bash > ~/.local/share/bash-completion/completions/fettle',
    does: 'commands and options complete with Tab in every new shell',
  },
  async run(cli, given, commands) {
    const [shell = ''] = given.args
    const { completionScripts } = await import('../completion.ts')
    const script = Object.hasOwn(completionScripts, shell) ? completionScripts[shell as keyof typeof completionScripts] : undefined
    if (script === undefined)
      throw new FettleError('USAGE', `there is no completion for ${shell}`, { hint: 'There is one for bash, zsh and fish.' })
    const { allCommands } = await import('../reference.ts')
    const text = script(await allCommands(commands))
    if (cli.json) cli.answer({ shell, script: text }, () => [])
    else cli.print(text.trimEnd())
    return 0
  },
}
