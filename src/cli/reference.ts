/** All definitions at once: for completion, the reference page, and the tests over every command. Nothing else loads them all. */

import { COMMON, type CommandDefinition, type Commands, type OptionDefinition, optionsOf } from './command.ts'

export interface Documented {
  /** `secrets set` */
  path: string
  group: string
  summary: string
  definition: CommandDefinition
  /** Names of its subcommands. */
  subcommands: string[]
}

/** Every command, each followed by its subcommands. */
export async function allCommands(commands: Commands): Promise<Documented[]> {
  const all: Documented[] = []
  for (const [name, { group, summary, load }] of Object.entries(commands)) {
    const definition = await load()
    const subcommands = Object.entries(definition.subcommands ?? {})
    all.push({ path: name, group, summary, definition, subcommands: subcommands.map(([sub]) => sub) })
    for (const [sub, subDefinition] of subcommands)
      all.push({ path: `${name} ${sub}`, group, summary: subDefinition.summary, definition: subDefinition, subcommands: [] })
  }
  return all
}

export const allOptions = (definition: CommandDefinition): OptionDefinition[] => [...optionsOf(definition), ...COMMON]

/** `-f, --file <path>` → `['-f', '--file']` */
export const flagsOf = ({ flags }: OptionDefinition): string[] => flags.match(/(?<![\w-])--?[a-z][a-z-]*/gi) ?? []
