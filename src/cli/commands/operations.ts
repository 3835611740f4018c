import { FettleError } from '../../core/errors.ts'
import type { OperationRecord } from '../../core/plan.ts'
import type { CommandDefinition } from '../command.ts'
import { follow } from '../follow.ts'
import type { Given } from '../given.ts'
import { operationLines, operationTable } from '../output/operations.ts'
import type { Style } from '../output/style.ts'
import { wideTargetOf } from '../target.ts'

const ID = { name: '<operation>', says: 'its id, for example op12' }

export const operations: CommandDefinition = {
  example: { line: 'fettle operations', does: 'the newest twenty, with how they ended' },
  subcommands: {
    list: {
      summary: 'the newest operations (what `fettle operations` shows)',
      options: [
        { flags: '-n, --limit <count>', says: 'how many; default 20' },
        { flags: '-a, --all', says: 'of every app, not only the one of this folder' },
      ],
      takes: ['target'],
      example: { line: 'fettle operations list --limit 5', does: 'the newest five' },
      async run(cli, given) {
        const limit = given.count('limit', 1) ?? 20
        const client = await cli.client({ start: false })
        const target = given.flag('all') ? {} : wideTargetOf(given, cli.io.cwd)
        const found = await client.call('operations', { ...target, limit })
        cli.answer(found, style => operationTable(found.operations, cli.clock.now(), style))
        return 0
      },
    },
    show: {
      summary: 'its plan, every step with its time, and what went wrong',
      arguments: [ID],
      example: { line: 'fettle operations show op12', does: 'each step of op12 and how it ended' },
      async run(cli, given) {
        const client = await cli.client({ start: false })
        const operation = await client.call('operation', { id: idOf(given) })
        cli.answer(operation, style => operationLines(operation, style))
        return 0
      },
    },
    follow: {
      summary: 'show it live, from its beginning to its end',
      arguments: [ID],
      options: [{ flags: '-v, --verbose', says: 'plain lines with all output of the steps' }],
      example: { line: 'fettle operations follow op12', does: 'goes on watching a deploy that was detached' },
      async run(cli, given) {
        const client = await cli.client()
        return follow(cli, await client.call('operation', { id: idOf(given) }), { detach: false, verbose: given.flag('verbose') })
      },
    },
    resume: {
      summary: 'try a held operation again',
      arguments: [ID],
      options: [
        { flags: '--back', says: 'undo it instead of finishing it' },
        { flags: '-d, --detach', says: 'do not follow' },
        { flags: '-v, --verbose', says: 'plain lines with all output of the steps' },
      ],
      example: { line: 'fettle operations resume op12 --back', does: 'undoes what op12 did, after its cause was mended' },
      async run(cli, given) {
        const client = await cli.client()
        const operation = await client.call('resume', { id: idOf(given), direction: given.flag('back') ? 'back' : 'forward' })
        return follow(cli, operation, { detach: given.flag('detach'), verbose: given.flag('verbose') })
      },
    },
    cancel: {
      summary: 'end it and undo what it did, as far as that is still possible',
      arguments: [ID],
      options: [
        { flags: '--now', says: 'break off a migration of live data too, which else is waited for: what it wrote by then stays' },
        { flags: '-d, --detach', says: 'do not follow' },
      ],
      example: { line: 'fettle operations cancel op12', does: 'undoes op12, unless it is past its point of no return' },
      async run(cli, given) {
        const client = await cli.client()
        const operation = await client.call('cancel', { id: idOf(given), now: given.flag('now') })
        const detach = given.flag('detach')
        if (detach) cli.say(...waitLines(operation, cli.style))
        const code = await follow(cli, operation, { detach, verbose: false })
        return operation.cancelled ? 0 : code
      },
    },
  },
}

/** What a cancel does not break off by itself. */
const waitLines = ({ plan, steps }: OperationRecord, style: Style): string[] =>
  plan.steps.flatMap(({ id, title }) => {
    const record = steps.find(step => step.id === id)
    return record?.state === 'running' && record.note !== undefined ? [style.yellow(`${title}: ${record.note}`)] : []
  })

function idOf(given: Given): string {
  const [id] = given.args
  if (id === undefined) throw new FettleError('USAGE', 'which operation?', { hint: '`fettle operations` lists them.' })
  return /^\d+$/.test(id) ? `op${id}` : id
}
