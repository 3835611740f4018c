import type { SecretsView } from '../../api/views.ts'
import { FettleError } from '../../core/errors.ts'
import { nearestName } from '../../core/nearest.ts'
import { isTooShort, SHORTEST_SECRET } from '../../lib/redact-forms.ts'
import type { Cli } from '../cli.ts'
import type { CommandDefinition } from '../command.ts'
import type { Given } from '../given.ts'
import type { Style } from '../output/style.ts'
import { table } from '../output/table.ts'
import { formatAge } from '../output/time.ts'
import { askHidden } from '../prompt.ts'
import { readAll } from '../stdin.ts'
import { projectOf } from '../target.ts'

const NAME = { name: '<name>', says: 'as the file and the process see it, such as SMTP_PASSWORD' }

export const secrets: CommandDefinition = {
  example: {
    line: 'fettle secrets set SMTP_PASSWORD --env production',
    does: 'asks for the value without showing it; piped, it is read from standard input',
  },
  subcommands: {
    list: {
      summary: 'names, versions and ages; never values',
      takes: ['project'],
      example: {
        line: 'fettle secrets list --env production',
        does: 'which secrets production has, and which the file names that it lacks',
      },
      async run(cli, given) {
        const client = await cli.client()
        const found = await client.call('secrets', projectOf(given, cli.io.cwd))
        cli.answer(found, style => secretTable(found, cli.clock.now(), style))
        return 0
      },
    },
    set: {
      summary: 'give it a value: asked for, or read from standard input',
      arguments: [NAME],
      takesAnyWords: true,
      options: [{ flags: '--rotated', says: 'the old value is worthless now: a rollback does not bring it back' }],
      takes: ['project'],
      example: {
        line: 'pass show smtp | fettle secrets set SMTP_PASSWORD --env production',
        does: 'a new version, used from the next deploy on',
      },
      async run(cli, given) {
        const name = nameOf(given)
        const target = projectOf(given, cli.io.cwd)
        const value = await readValue(cli, name)
        const client = await cli.client()
        const found = await client.call('setSecret', { ...target, name, value, rotated: given.flag('rotated') })
        const version = found.secrets.find(secret => secret.name === name)?.version
        const deploy = target.environment === undefined ? 'fettle deploy' : `fettle deploy ${target.environment}`
        cli.answer(found, style => [
          `${style.green('✓')} ${name} is set${version === undefined ? '' : `, version ${version}`}; \`${deploy}\` brings it to the services.`,
          ...unusedLines(name, found, style),
          ...(isTooShort(value)
            ? [style.yellow(`! It is shorter than ${SHORTEST_SECRET} characters: logs show it, since hiding it would hide half of them.`)]
            : []),
          ...(found.isName === true
            ? [
                style.yellow(
                  `! Its value is a name in fettle.yaml too, or a part of one, which every message has: it is not hidden, in logs neither.`,
                ),
              ]
            : []),
        ])
        return 0
      },
    },
    remove: {
      summary: 'take it away: no deploy or rollback gets it any more; what serves keeps it until it is replaced',
      arguments: [NAME],
      takes: ['project'],
      example: { line: 'fettle secrets remove OLD_TOKEN --env staging', does: 'removes OLD_TOKEN from staging' },
      async run(cli, given) {
        const name = nameOf(given)
        const client = await cli.client()
        const found = await client.call('removeSecret', { ...projectOf(given, cli.io.cwd), name })
        cli.answer(found, style => [`${style.green('✓')} ${name} is removed.`])
        return 0
      },
    },
  },
}

/** @throws FettleError USAGE when a value was typed beside the name; it is not repeated */
function nameOf(given: Given): string {
  const [word = '', ...rest] = given.args
  const name = word.split('=')[0] ?? ''
  if (rest.length === 0 && name === word) return name
  throw new FettleError(
    'USAGE',
    `the value of ${name} is not taken from the command line: the list of processes shows it to everybody, and the shell keeps it`,
    { hint: `\`fettle secrets set ${name}\` asks for it, or pipe it in; change the one you typed if it is in use.` },
  )
}

async function readValue(cli: Cli, name: string): Promise<string> {
  const isTerminal = cli.io.stdin.isTTY === true
  const value = isTerminal ? await askHidden(cli, `Value of ${name} (not shown): `) : (await readAll(cli.io.stdin)).replace(/\r?\n$/, '')
  if (value !== '') return value
  throw new FettleError('USAGE', `${name} would be empty`, { hint: '`fettle secrets remove` forgets a secret.' })
}

/** A slip of the pen is found out here, not at the deploy that still lacks the right one. */
function unusedLines(name: string, { secrets, needed }: SecretsView, style: Style): string[] {
  if (needed.includes(name)) return []
  const unset = needed.filter(other => !secrets.some(secret => secret.name === other))
  const nearest = nearestName(name, unset) ?? nearestName(name, needed)
  const meant = nearest === undefined ? '' : ` Did you mean ${nearest}?`
  return [
    style.yellow(`! fettle.yaml neither declares ${name} nor refers to it: nothing uses it.${meant}`),
    `${style.cyan('→')} Name it under \`secrets:\`, or \`fettle secrets remove ${name}\`.`,
  ]
}

function secretTable({ secrets, needed }: SecretsView, now: number, style: Style): string[] {
  const missing = needed.filter(name => !secrets.some(secret => secret.name === name))
  const lacks = missing.map(
    name => `${style.yellow(`${name} is not set, and fettle.yaml needs it`)} ${style.cyan('→')} \`fettle secrets set ${name}\``,
  )
  if (secrets.length === 0 && lacks.length === 0)
    return ['There are no secrets.', `${style.cyan('→')} \`fettle secrets set NAME\` adds one.`]
  if (secrets.length === 0) return lacks
  const rows = table(
    secrets,
    [
      { title: 'SECRET', value: view => view.name },
      { title: 'VERSION', value: view => String(view.version), right: true },
      { title: 'SET', value: view => formatAge(view.setAt, now) },
      {
        title: '',
        value: view => [view.external ? 'external' : '', view.declared ? '' : style.yellow('not in the file')].filter(Boolean).join(', '),
      },
    ],
    style,
  )
  return [...rows, ...lacks]
}
