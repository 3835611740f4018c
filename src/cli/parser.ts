/** Turns definitions into a commander parser, and its complaints into our errors. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { FettleError } from '../core/errors.ts'
import { nearestName } from '../core/nearest.ts'
import { version } from '../lib/version.ts'
import { COMMON, type CommandDefinition, type CommandEntry, type Commands, type OptionDefinition, optionsOf } from './command.ts'
import { Given } from './given.ts'
import { wrap } from './output/width.ts'

export interface Parsed {
  definition: CommandDefinition
  given: Given
}

interface CommandWords {
  name: string | undefined
  words: string[]
}

export interface Printer {
  out(text: string): void
  hasColours: boolean
  columns: number
}

const HELP_TOPIC = 'exit-codes'

/**
 * Parses a whole command line. Only the command that is named gets its module loaded; the others are known by name and summary.
 * @returns undefined when help was asked for and printed
 * @throws FettleError USAGE with the nearest valid name
 */
export async function parse(argv: string[], commands: Commands, printer: Printer): Promise<Parsed | undefined> {
  const { name, words } = withoutHelp(splitCommand(argv), commands)
  if (name === undefined) requireValue(words)
  if (name === 'help' && words[0] === HELP_TOPIC) {
    printer.out((await import('./exit-codes.ts')).exitCodeText())
    return undefined
  }
  let parsed: Parsed | undefined
  const program = createProgram(printer)
  const named = name !== undefined && Object.hasOwn(commands, name) ? await commands[name]?.load() : undefined
  for (const [known, entry] of Object.entries(commands)) {
    // The others are needed for the list in the help, and to find the nearest name.
    if (named === undefined || known === name) program.addCommand(buildCommand(known, entry, named, result => (parsed = result), printer))
  }
  const line = name === undefined ? words : [name, ...withSubcommand(named, words)]
  try {
    await program.parseAsync(line.length === 0 ? ['--help'] : line, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return undefined
    throw usageError(error, named === undefined ? [] : pathOf(line, named))
  }
  return parsed
}

/** The words that name the command: `operations follow`. */
function pathOf([name = '', ...words]: string[], { subcommands = {} }: CommandDefinition): string[] {
  const sub = words.find(word => Object.hasOwn(subcommands, word))
  return sub === undefined ? [name] : [name, sub]
}

/** The first subcommand is meant when none is named: `fettle operations` means `fettle operations list`. */
function withSubcommand(definition: CommandDefinition | undefined, words: string[]): string[] {
  const names = Object.keys(definition?.subcommands ?? {})
  const [first] = names
  const isNamed = words[0]?.startsWith('-') === false || words.some(word => names.includes(word) || word === '--help' || word === '-h')
  return first === undefined || isNamed ? words : [first, ...words]
}

/** `fettle help deploy` means `fettle deploy --help`; of what is no command there is no help. */
function withoutHelp({ name, words }: CommandWords, commands: Commands): CommandWords {
  if (name !== 'help' || words[0] === HELP_TOPIC) return { name, words }
  if (words[0]?.startsWith('-') === false && !Object.hasOwn(commands, words[0])) return { name: words[0], words: [] }
  return { name: words[0], words: [...words.slice(1), '--help'] }
}

/** May stand before the command, each with a word of its own behind it. */
const WITH_VALUE = new Set(['--home', '-f', '--file', '-e', '--env', '--app'])

/** Without a command there is nothing that would take it. @throws FettleError USAGE */
function requireValue(words: string[]): void {
  const [last = '', before] = words.toReversed()
  const hint = '`fettle --help` lists the commands.'
  if (WITH_VALUE.has(last)) throw new FettleError('USAGE', `${last} needs a value, and a command`, { hint })
  if (before !== undefined && WITH_VALUE.has(before)) throw new FettleError('USAGE', `${before} ${last} needs a command`, { hint })
}

/** `fettle --home x status` means `fettle status --home x`: the first word that is no option or option's value is the command. */
export function splitCommand(argv: string[]): CommandWords {
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? ''
    if (word === '--') break
    if (!word.startsWith('-')) return { name: word, words: [...argv.slice(0, index), ...argv.slice(index + 1)] }
    if (WITH_VALUE.has(word)) index++
  }
  return { name: undefined, words: argv }
}

const FURTHER = 'fettle <command> --help has the options and an example of each; fettle help exit-codes explains the exit codes.'

function createProgram(printer: Printer): Command {
  return configure(new Command('fettle'), printer)
    .description('Deploys, supervises, backs up and restores web applications, and proves it.')
    .version(version, '-v, --version', 'print the version')
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText('after', ['', ...wrap(FURTHER, printer.columns)].join('\n'))
}

function configure(command: Command, printer: Printer): Command {
  return command
    .exitOverride()
    .configureHelp({ minWidthToWrap: 20 })
    .helpOption('-h, --help', 'print this')
    .configureOutput({
      writeOut: printer.out,
      writeErr: () => {}, // the error is thrown, and told by whoever catches it
      getOutHasColors: () => printer.hasColours,
      getOutHelpWidth: () => printer.columns,
    })
}

export function buildCommand(
  name: string,
  entry: Pick<CommandEntry, 'summary'> & { group?: string },
  definition: CommandDefinition | undefined,
  done: (parsed: Parsed) => void,
  printer: Printer,
): Command {
  const command = configure(new Command(name), printer).description(entry.summary)
  if (entry.group !== undefined) command.helpGroup(`${entry.group}:`)
  if (definition === undefined) return command
  for (const argument of definition.arguments ?? []) command.argument(argument.name, argument.says)
  for (const option of [...optionsOf(definition), ...COMMON]) command.addOption(toOption(option))
  const does = wrap(definition.example.does, printer.columns - 6).map(line => `      ${line}`)
  command.addHelpText('after', ['', 'Example:', `  ${definition.example.line}`, ...does].join('\n'))
  if (definition.passThrough === true) command.passThroughOptions()
  if (definition.takesAnyWords === true) command.allowExcessArguments()
  for (const [sub, subDefinition] of Object.entries(definition.subcommands ?? {}))
    command.helpCommand(false).addCommand(buildCommand(sub, subDefinition, subDefinition, done, printer))
  if (definition.run !== undefined) command.action(() => done({ definition, given: new Given(command.args, command.optsWithGlobals()) }))
  return command
}

function toOption({ flags, says, choices, group }: OptionDefinition): Option {
  const option = new Option(flags, says)
  if (group !== undefined) option.helpGroup(`${group}:`)
  if (choices !== undefined) return option.choices(choices)
  return option.required && !option.variadic ? option.argParser(noOption) : option
}

/** `--label --json`: the value was forgotten. */
function noOption(value: string): string {
  if (value.startsWith('--')) throw new InvalidArgumentError('It looks like an option; is the value missing?')
  return value
}

/** Commander's own text names similar commands or options on a second line, also such as nobody can have meant. */
function usageError(error: CommanderError, path: string[]): FettleError {
  const [first = '', suggestion = ''] = error.message.replace(/^error: /, '').split('\n')
  const [, written = ''] = /'([^']*)'/.exec(first) ?? []
  const nearest = nearestName(written, /Did you mean (?:one of )?(.*)\?/.exec(suggestion)?.[1]?.split(', ') ?? [])
  const didYouMean = nearest === undefined ? '' : `Did you mean ${nearest}? `
  return new FettleError('USAGE', first, { hint: `${didYouMean}\`${['fettle', ...path, '--help'].join(' ')}\` lists what there is.` })
}
