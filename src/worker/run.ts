/** One data task from its file to its result: parsed, executed, answered by a file that is either wholly there or not at all. */
import { mkdir, readFile } from 'node:fs/promises'
import * as z from 'zod'
import { DataTask, type TaskName, type TaskResult } from '../core/data-tasks.ts'
import { type ErrorJson, exitCodeOf, FettleError, toFettleError } from '../core/errors.ts'
import { readIfExists, writeFileAtomic } from '../lib/files.ts'
import { removeTree } from '../lib/remove-tree.ts'
import { expect } from './expect.ts'
import { changedSince, fingerprint, load } from './load.ts'
import { fileProgress } from './progress.ts'
import { take } from './take.ts'
import type { TaskWorld } from './world.ts'

export type Answer = { ok: true; value: TaskResult<TaskName> } | { ok: false; error: ErrorJson }
type Task = z.output<typeof DataTask>

/** @returns the exit code. A task whose result is there already is not done again. @throws USAGE when the file is no task */
export async function runTaskFile(path: string, world: Omit<TaskWorld, 'progress'>, signal: AbortSignal): Promise<number> {
  const task = await readTask(path)
  const done = await readIfExists(task.result)
  const answer = done === undefined ? await answerTask(task, world, signal) : (JSON.parse(done) as Answer)
  if (done === undefined) await writeFileAtomic(task.result, JSON.stringify(answer), 0o600)
  return answer.ok ? 0 : exitCodeOf(answer.error.code)
}

async function readTask(path: string): Promise<Task> {
  const parsed = DataTask.safeParse(JSON.parse(await readFile(path, 'utf8')))
  if (parsed.success) return parsed.data
  throw new FettleError('USAGE', `${path} is no data task: ${z.prettifyError(parsed.error)}`)
}

async function answerTask(task: Task, world: Omit<TaskWorld, 'progress'>, signal: AbortSignal): Promise<Answer> {
  const progress = fileProgress(task.progress)
  try {
    await removeTree(task.scratch)
    await mkdir(task.scratch, { recursive: true, mode: 0o700 })
    return { ok: true, value: await execute(task, { ...world, progress }, signal) }
  } catch (error) {
    return { ok: false, error: toFettleError(error, `the task ${task.task} failed`).toJSON() }
  } finally {
    await progress.stop()
    await removeTree(task.scratch)
  }
}

async function execute(task: Task, world: TaskWorld, signal: AbortSignal): Promise<TaskResult<TaskName>> {
  switch (task.task) {
    case 'snapshot.take':
      return take(world, task, signal)
    case 'snapshot.load':
      return load(world, task, signal)
    case 'fingerprint':
      return fingerprint(world, task, signal)
    case 'changed-since':
      return changedSince(world, task, signal)
    case 'expect':
      return expect(world, task)
    case 'verify':
      return (await world.openRepository(task.repository)).verify(task.manifest, signal)
  }
}
