/** What a command is made of. Definitions are data: parser, help, completion and the reference page are made from them. */
import type { Cli } from './cli.ts'
import type { Given } from './given.ts'

export interface CommandDefinition {
  arguments?: ArgumentDefinition[]
  options?: OptionDefinition[]
  /** Options that many commands share. */
  takes?: (keyof typeof SHARED)[]
  /** One real example, and what it does. */
  example: { line: string; does: string }
  /** Everything after the first word belongs to a command of the user's own. */
  passThrough?: boolean
  /** More words than arguments reach `run`, which says better what is wrong with them. */
  takesAnyWords?: boolean
  /** The first one is meant when none is named. */
  subcommands?: Record<string, CommandDefinition & { summary: string }>
  /** Absent where there are subcommands. `commands` are all that there are. Returns the exit code. */
  run?(cli: Cli, given: Given, commands: Commands): Promise<number>
}

/** A command before it is loaded: what the list of commands shows of it. */
export interface CommandEntry {
  group: 'Describe' | 'Deploy' | 'Look' | 'Keep' | 'Set up'
  summary: string
  /** Its exit code is that of a program it runs; whatever fails on fettle's own side exits with this one. */
  ownFailure?: number
  load(): Promise<CommandDefinition>
}

export type Commands = Readonly<Record<string, CommandEntry>>

/** As `env`, `timeout` and `docker run` do: 125 is the wrapper's own, 126 and 127 say that the program could not be started. */
export const OWN_FAILURE = 125

export interface ArgumentDefinition {
  /** `[environment]`, `<name>`, `<argv...>`. */
  name: string
  says: string
  /** For Tab; the command itself says what it takes. */
  choices?: string[]
}

export interface OptionDefinition {
  /** As commander reads it: `-s, --service <name>`. */
  flags: string
  says: string
  choices?: string[]
  /** Heading in the help; default: Options. */
  group?: string
}

/** Options of every command. */
const common: OptionDefinition[] = [
  { flags: '--json', says: 'one JSON document, or one a line for operations and logs' },
  { flags: '--home <folder>', says: 'where fettle keeps everything (FETTLE_HOME)' },
  { flags: '-q, --quiet', says: 'only the answer and what went wrong: no plan, no progress, no remarks' },
  { flags: '--no-color', says: 'no colours (NO_COLOR, FORCE_COLOR)' },
]

export const COMMON = grouped('Every command', common)

const file: OptionDefinition = {
  flags: '-f, --file <path>',
  says: 'the file, or its folder; default: fettle.yaml here or in a folder above',
}

const ofFile: OptionDefinition[] = [
  file,
  { flags: '-e, --env <name>', says: 'the environment; default: production, or the first one declared' },
]

export const SHARED = {
  file: [file],
  /** What the file itself is needed for, or what lies beside it. */
  project: grouped('Which app and environment', ofFile),
  target: grouped('Which app and environment', [...ofFile, { flags: '--app <name>', says: 'the app by its name, where its file is gone' }]),
  operation: grouped('How it is carried out', [
    { flags: '-y, --yes', says: 'do not ask' },
    { flags: '--dry-run', says: 'show the plan and stop' },
    { flags: '-d, --detach', says: 'do not follow; the operation goes on by itself' },
    { flags: '-v, --verbose', says: 'plain lines with all output of the steps' },
  ]),
} satisfies Record<string, OptionDefinition[]>

function grouped(group: string, options: OptionDefinition[]): OptionDefinition[] {
  return options.map(option => ({ ...option, group }))
}

export const ENVIRONMENT: ArgumentDefinition = { name: '[environment]', says: 'default: production, or the first one declared' }

export const optionsOf = (definition: CommandDefinition): OptionDefinition[] => [
  ...(definition.options ?? []),
  ...(definition.takes ?? []).flatMap((group): OptionDefinition[] => SHARED[group]),
]
