/** docs/cli.md and docs/exit-codes.md, from the definitions of the commands and the table of errors. */

import { COMMON, type OptionDefinition, optionsOf } from '../src/cli/command.ts'
import { commands } from '../src/cli/commands.ts'
import { exitCodes } from '../src/cli/exit-codes.ts'
import { allCommands, type Documented } from '../src/cli/reference.ts'

const NOTICE = '<!-- Written by `npm run reference`; a test fails when it is stale. -->'

export async function cliPages(): Promise<Record<'docs/cli.md' | 'docs/exit-codes.md', string>> {
  return { 'docs/cli.md': cliPage(await allCommands(commands)), 'docs/exit-codes.md': exitCodesPage() }
}

function cliPage(all: Documented[]): string {
  const groups = [...new Set(all.map(({ group }) => group))]
  const contents = groups.map(group => `- **${group}**: ${topOf(all, group).map(link).join(', ')}`)
  return `# The command line

${NOTICE}

${contents.join('\n')}

What a command does is the agent's work: it goes on when the terminal is gone. Ctrl-C asks whether to go on following, to detach or to
cancel. Without a terminal no question is asked: a plan that may lose data is then refused unless \`--yes\` is given. Where output is piped
it is plain lines; \`--json\` gives one JSON document, for operations one record a line: \`plan\`, the events, \`result\`. A failure with
\`--json\` is one object with \`code\`, \`message\` and \`hint\`; [exit codes](exit-codes.md) tell the same.

Options of every command:

${optionTable(COMMON)}

${groups.map(group => groupText(all, group)).join('\n')}`
}

const topOf = (all: Documented[], group: string): Documented[] =>
  all.filter(command => command.group === group && !command.path.includes(' '))
const link = ({ path }: Documented): string => `[${path}](#fettle-${path.replaceAll(' ', '-')})`

function groupText(all: Documented[], group: string): string {
  return `## ${group}\n\n${all
    .filter(command => command.group === group)
    .map(commandText)
    .join('\n')}`
}

function commandText({ path, summary, definition, subcommands }: Documented): string {
  const level = path.includes(' ') ? '####' : '###'
  const { example } = definition
  const head = `${level} fettle ${path}\n\n${summary[0]?.toUpperCase()}${summary.slice(1)}.\n`
  const shown = `\`\`\`sh\n${example.line}\n\`\`\`\n\n${example.does[0]?.toUpperCase()}${example.does.slice(1)}.\n`
  if (subcommands.length > 0) return `${head}\n${shown}`
  const words = (definition.arguments ?? []).map(({ name }) => name)
  const synopsis = `\`${['fettle', path, ...words].join(' ')}\`\n`
  const rows = [...(definition.arguments ?? []).map(({ name, says }) => ({ flags: name, says })), ...optionsOf(definition)]
  return [head, synopsis, ...(rows.length === 0 ? [] : [`${optionTable(rows)}\n`]), shown].join('\n')
}

function optionTable(options: OptionDefinition[]): string {
  const rows = options.map(
    ({ flags, says, choices }) => `| \`${flags}\` | ${cell(says)}${choices === undefined ? '' : `: ${choices.join(', ')}`} |`,
  )
  return ['| | |', '|---|---|', ...rows].join('\n')
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

function exitCodesPage(): string {
  const rows = exitCodes().map(({ exit, code, means }) => `| ${exit} | ${code === '' ? '' : `\`${code}\``} | ${means} |`)
  return `# Exit codes\n\n${NOTICE}\n\n\`fettle help exit-codes\` prints this table. The code stands in \`--json\` as \`code\`.\n\n| exit | code | means |\n|---|---|---|\n${rows.join('\n')}\n`
}
