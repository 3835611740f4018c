/** Data tasks as an operation asks for them: its folders and configurations turned into what a worker reads. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DataTask, type StoreAt, type TaskName, TaskProgress, type TaskResult } from '../core/data-tasks.ts'
import { type ErrorJson, FettleError } from '../core/errors.ts'
import { formatBytes } from '../core/format.ts'
import { layout } from '../core/layout.ts'
import type { Manifest } from '../core/snapshot.ts'
import type { Expectation, Spec } from '../core/spec/schema.ts'
import type { StepContext } from '../engine/step.ts'
import { alongside } from '../lib/alongside.ts'
import { readIfExists, writeFileAtomic } from '../lib/files.ts'
import { removeTree } from '../lib/remove-tree.ts'
import { forgetLost, runCommand, stepCommand } from './commands.ts'
import { EXTERNAL_FOLDER, storeOf } from './groups.ts'
import type { World } from './world.ts'

const PROGRESS_MS = 500

interface Data {
  configs: Record<string, Spec['stores'][string]>
  /** Store → folder; a store that is not in it lies outside of what fettle manages. */
  folders: Record<string, string>
}
type WithBackups = { backups: Spec['backups'] }
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

export async function loadTask(
  world: World,
  context: StepContext,
  input: Data & WithBackups & { manifest: Manifest; durable: boolean },
): Promise<TaskResult<'snapshot.load'>> {
  const repository = await world.repositoryConfig(context.operation.app, input.backups)
  const { manifest, durable } = input
  const task = { repository, parts: manifest.parts, stores: storesAt(world, input), durable }
  return runTask(world, context, 'snapshot.load', task).catch(thrown => {
    throw ofSnapshot(manifest, thrown)
  })
}

/** Whoever reads that its bytes are damaged must know which snapshot to leave alone. */
function ofSnapshot({ id }: Manifest, thrown: unknown): unknown {
  if (!(thrown instanceof FettleError) || thrown.code !== 'DAMAGED') return thrown
  const { message, context, hint = '`fettle snapshots` lists others; `fettle drill ID` shows whether one is whole.' } = thrown
  return new FettleError('DAMAGED', `snapshot ${id}: ${message}`, { cause: thrown, hint, ...(context && { context }) })
}

export async function changedSinceTask(
  world: World,
  context: StepContext,
  input: Data & WithBackups & { manifest: Manifest },
): Promise<TaskResult<'changed-since'>> {
  const repository = await world.repositoryConfig(context.operation.app, input.backups)
  return runTask(world, context, 'changed-since', { repository, parts: input.manifest.parts, stores: storesAt(world, input) })
}

export async function expectTask(
  world: World,
  context: StepContext,
  input: Data & { expect: Expectation[] },
): Promise<TaskResult<'expect'>['results']> {
  return (await runTask(world, context, 'expect', { stores: storesAt(world, input), expect: input.expect })).results
}

export async function verifyTask(
  world: World,
  context: StepContext,
  input: WithBackups & { manifest: Manifest },
): Promise<TaskResult<'verify'>> {
  const repository = await world.repositoryConfig(context.operation.app, input.backups)
  return runTask(world, context, 'verify', { repository, manifest: input.manifest })
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
  throw new FettleError('COMMAND_FAILED', `the data worker exited ${ended.code} without a result:\n${ended.tail}`)
}
