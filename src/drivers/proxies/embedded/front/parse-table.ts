/** A route table from outside: from the agent, or from a file that a crash or a hand may have spoilt. */
import { FettleError } from '../../../../core/errors.ts'
import { refuseNewer } from '../../../../core/file-format.ts'
import type { RouteTable, TableRoute } from '../../../../ports/proxy.ts'
import type { Backend } from '../../../../ports/runtime.ts'

/** Names become file names. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** By hand: a validation library would be a quarter of the front's memory. @throws FettleError DAMAGED, VERSION */
export function parseTable(value: unknown): RouteTable {
  const table = record(value, 'table')
  refuseNewer(table.format, 1, 'the route table')
  check(table.format === 1, 'format is not 1')
  for (const key of ['app', 'environment']) check(typeof table[key] === 'string' && NAME.test(table[key]), `${key} is not a name`)
  for (const key of ['release', 'activation']) check(typeof table[key] === 'string', `${key} is not text`)
  check(Number.isSafeInteger(table.generation) && (table.generation as number) > 0, 'generation is not a positive number')
  for (const key of ['stores', 'groups']) {
    check(
      Object.values(record(table[key], key)).every(each => typeof each === 'string'),
      `${key} holds something other than text`,
    )
  }
  list(table.routes, 'routes').forEach(parseRoute)
  return value as RouteTable
}

function parseRoute(value: unknown): TableRoute {
  const route = record(value, 'route')
  check(typeof route.host === 'string' && route.host !== '' && route.host === route.host.toLowerCase(), 'host is not a lower-case name')
  check(typeof route.path === 'string' && route.path.startsWith('/'), 'path does not begin with /')
  check(typeof route.service === 'string', 'service is not text')
  list(route.backends, 'backends').forEach(parseBackend)
  return value as TableRoute
}

function parseBackend(value: unknown): Backend {
  const { kind, host, port, path, unit } = record(value, 'backend')
  const isTcp = kind === 'tcp' && typeof host === 'string' && Number.isInteger(port) && (port as number) > 0 && (port as number) < 65536
  check(isTcp || (kind === 'unix' && typeof path === 'string' && path.startsWith('/')), 'a backend is neither host and port nor a path')
  check(unit === undefined || typeof unit === 'string', 'the unit of a backend is not text')
  return value as Backend
}

function record(value: unknown, what: string): Record<string, unknown> {
  check(typeof value === 'object' && value !== null && !Array.isArray(value), `${what} is not an object`)
  return value as Record<string, unknown>
}

function list(value: unknown, what: string): unknown[] {
  check(Array.isArray(value), `${what} is not a list`)
  return value as unknown[]
}

function check(isRight: boolean, problem: string): void {
  if (!isRight) throw new FettleError('DAMAGED', `not a route table: ${problem}`)
}
