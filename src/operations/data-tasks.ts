/** Data tasks as an operation asks for them: its folders and configurations turned into what a worker reads. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DataTask, type RepositoryConfig, type StoreAt, type TaskName, TaskProgress, type TaskResult } from '../core/data-tasks.ts'
import { type ErrorJson, exitCodeOf, FettleError, FREE_SPACE } from '../core/errors.ts'
import { formatBytes } from '../core/format.ts'
import { layout } from '../core/layout.ts'
import type { Manifest, Rung } from '../core/snapshot.ts'
import type { Expectation } from '../core/spec/expectation.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { StepContext } from '../engine/step.ts'
import { alongside } from '../lib/alongside.ts'
import { readIfExists, writeFileAtomic } from '../lib/files.ts'
import { removeTree } from '../lib/remove-tree.ts'
import { forgetLost, runCommand, stepCommand } from './commands.ts'
import { EXTERNAL_FOLDER, storeOf } from './groups.ts'
import { OF_DATA, proving } from './snapshots/proving.ts'
import type { World } from './world.ts'

const PROGRESS_MS = 500

interface Data {
  configs: Record<string, Spec['stores'][string]>
  /** Store → folder; a store that is not in it lies outside of what fettle manages. */
  folders: Record<string, string>
}
type WithBackups = { backups: Spec['backups'] }
type OfSnapshot = WithBackups & { manifest: Manifest }
/** A task without the files that every task names. */
type Body<Name extends TaskName> = Omit<Extract<DataTask, { task: Name }>, 'task' | 'result' | 'progress' | 'scratch'>

const storesAt = (world: World, { configs, folders }: Data): StoreAt[] =>
  Object.entries(configs).map(([name, entry]) => {
    const { driver, config } = storeOf(world, entry)
    return { name, driver: driver.driver, config, folder: folders[name] || EXTERNAL_FOLDER }
  })

export async function takeTask(
  world: World,
  context: StepContext,
  input: Data & WithBackups & { previous?: Manifest },
): Promise<TaskResult<'snapshot.take'>> {
  const { app, environment, id } = context.operation
  return runTask(world, context, 'snapshot.take', {
    operation: id,
    repository: await world.repositoryConfig(app, input.backups),
    stores: storesAt(world, input),
    cache: join(world.layout.environment(app, environment), 'cache'),
    ...(input.previous === undefined ? {} : { previous: input.previous }),
  })
}

/** A task that reads a snapshot. Where that can not be read back as it was taken, this is recorded with it, whatever it was read for. */
async function runOnSnapshot<Result>(
  world: World,
  context: StepContext,
  { manifest, backups }: OfSnapshot,
  rung: Rung,
  work: (repository: RepositoryConfig) => Promise<Result>,
): Promise<Result> {
  const repository = await world.repositoryConfig(context.operation.app, backups)
  const named = () =>
    work(repository).catch(thrown => {
      throw ofSnapshot(manifest, thrown)
    })
  return proving(world, context, { snapshot: manifest.id, backups, rung }, OF_DATA, named)
}

/** Whoever reads that its bytes are damaged must know which snapshot to leave alone. */
function ofSnapshot({ id }: Manifest, thrown: unknown): unknown {
  if (!(thrown instanceof FettleError) || thrown.code !== 'DAMAGED') return thrown
  const { message, context, hint = '`fettle snapshots` lists others; `fettle drill ID` shows whether one is whole.' } = thrown
  return new FettleError('DAMAGED', `snapshot ${id}: ${message}`, { cause: thrown, hint, ...(context && { context }) })
}

/** @throws FettleError DIFFERENT when what arrived is not what was backed up */
export function loadTask(
  world: World,
  context: StepContext,
  input: Data & OfSnapshot & { durable: boolean },
): Promise<TaskResult<'snapshot.load'>> {
  const { manifest, durable } = input
  return runOnSnapshot(world, context, input, 'content-equal', async repository => {
    const stores = storesAt(world, input)
    const loaded = await runTask(world, context, 'snapshot.load', { repository, parts: manifest.parts, stores, durable })
    if (loaded.differences.length === 0) return loaded
    const what = loaded.differences.map(difference => `${difference.store}/${difference.item}: ${difference.what}`).join('; ')
    throw new FettleError('DIFFERENT', `what was restored from ${manifest.id} is not what was backed up: ${what}`, {
      hint: '`fettle snapshots` shows the newest proven one; take a new backup, then `fettle drill`.',
    })
  })
}

export function changedSinceTask(world: World, context: StepContext, input: Data & OfSnapshot): Promise<TaskResult<'changed-since'>> {
  const { parts } = input.manifest
  return runOnSnapshot(world, context, input, 'loaded', repository =>
    runTask(world, context, 'changed-since', { repository, parts, stores: storesAt(world, input) }),
  )
}

export async function expectTask(
  world: World,
  context: StepContext,
  input: Data & { expect: Expectation[] },
): Promise<TaskResult<'expect'>['results']> {
  return (await runTask(world, context, 'expect', { stores: storesAt(world, input), expect: input.expect })).results
}

export function verifyTask(world: World, context: StepContext, input: OfSnapshot): Promise<TaskResult<'verify'>> {
  const { manifest } = input
  return runOnSnapshot(world, context, input, 're-read', repository => runTask(world, context, 'verify', { repository, manifest }))
}

/** Shows what the worker writes of its progress. */
async function showProgress(world: World, context: StepContext, path: string, signal: AbortSignal): Promise<void> {
  for (let shown = ''; ; ) {
    await world.clock.sleep(PROGRESS_MS, signal)
    const text = (await readIfExists(path)) ?? ''
    if (text !== '' && text !== shown) context.progress(progressText(TaskProgress.parse(JSON.parse(text))))
    shown = text
  }
}

const progressText = ({ stage, bytes }: TaskProgress): string => (bytes === 0 ? stage : `${stage}, ${formatBytes(bytes)}`)

/** Task files and scratch copies of an operation that is over, or of a plan. */
export async function removeWork({ layout }: Pick<World, 'layout'>, id: string): Promise<void> {
  await removeTree(layout.task(id))
  await removeTree(layout.scratch(id))
}

/** Runs a data task in a worker, or adopts the one that runs, and gives its result. @throws FettleError as the worker reported it, LOST */
async function runTask<Name extends TaskName>(world: World, context: StepContext, task: Name, body: Body<Name>): Promise<TaskResult<Name>> {
  const { id } = context.operation
  const base = join(layout(world.layout.home).task(id), context.step)
  const files = {
    result: `${base}.result.json`,
    progress: `${base}.progress.json`,
    scratch: join(world.layout.scratch(id), `.${context.step}`),
  }
  await forgetLost(world, context)
  await writeFileAtomic(`${base}.task.json`, JSON.stringify({ task, ...body, ...files }), 0o600)
  const command = { argv: [...world.worker, `${base}.task.json`], cwd: world.layout.task(id), env: {} }
  const ended = await alongside(
    signal => showProgress(world, context, files.progress, signal),
    () => runCommand(world, context, command),
  )
  const text = await readIfExists(files.result)
  const answer =
    text === undefined ? undefined : (JSON.parse(text) as { ok: true; value: TaskResult<Name> } | { ok: false; error: ErrorJson })
  if (answer?.ok) return answer.value
  // A failed one is forgotten, so that trying again runs it again.
  await rm(files.result, { force: true })
  await world.runtime.forget(stepCommand(context))
  if (answer !== undefined) throw FettleError.fromJSON(answer.error)
  if (ended.code === exitCodeOf('DISK_FULL') && ended.tail === '')
    throw new FettleError('DISK_FULL', 'the data worker had no space left, not even to say so', { hint: FREE_SPACE })
  const said = ended.tail === '' ? ', and said nothing' : `:\n${ended.tail}`
  throw new FettleError('COMMAND_FAILED', `the data worker exited ${ended.code} without a result${said}`, {
    hint: ended.code > 128 ? 'Something killed it; the log of the kernel tells when it had no memory left. Try again.' : 'Try again.',
  })
}
