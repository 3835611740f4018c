/**
 * The data worker, behind `worker.ts`: a command of the runtime that dumps, loads and compares stores beside their data, and outlives
 * the agent that asked. See core/data-tasks.ts for what it is asked and answers.
 */
import { readFile } from 'node:fs/promises'
import type { RepositoryConfig } from './core/data-tasks.ts'
import { exitCodeOf, FettleError, toFettleError } from './core/errors.ts'
import { Secret } from './core/secret.ts'
import { repositories, stores } from './drivers/registry.ts'
import { systemClock } from './lib/clock.ts'
import type { Repository } from './ports/repository.ts'
import { runTaskFile } from './worker/run.ts'

async function openRepository({ driver, folder, recipients, identityFile, owner }: RepositoryConfig): Promise<Repository> {
  const create = repositories.get(driver)
  if (create === undefined) throw new FettleError('UNSUPPORTED', `there is no repository driver ${driver}`)
  return create({
    folder,
    recipients,
    ...(owner === undefined ? {} : { owner }),
    ...(identityFile === undefined ? {} : { identity: () => readIdentity(identityFile) }),
  })
}

async function readIdentity(path: string): Promise<Secret> {
  try {
    return new Secret(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new FettleError('SECRET_LOCKED', `the key file ${path} can not be read`, {
      cause,
      hint: 'Put the age identity back where it was.',
    })
  }
}

const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())
process.once('SIGINT', () => stopping.abort())

process.stderr.on('error', () => {}) // its log is on a disk that is full: the exit code says so
const path = process.argv[2]
try {
  if (path === undefined) throw new FettleError('USAGE', 'usage: worker.js TASK.json')
  process.exitCode = await runTaskFile(path, { stores, openRepository, clock: systemClock }, stopping.signal)
} catch (error) {
  const failure = toFettleError(error, 'the data worker could not begin')
  process.stderr.write(`${JSON.stringify(failure)}\n`)
  process.exitCode = exitCodeOf(failure.code)
}
