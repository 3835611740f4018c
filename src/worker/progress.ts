import { rename, writeFile } from 'node:fs/promises'
import type { TaskProgress } from '../core/data-tasks.ts'
import type { Progress } from './world.ts'

const EVERY_MS = 500

/** Shows progress in a file, rewritten while it goes on: a file that stays as it is means that nothing moves. */
export function fileProgress(path: string | undefined): Progress & { stop(): Promise<void> } {
  const state: TaskProgress = { stage: '', bytes: 0 }
  let shown = ''
  let writing = Promise.resolve()
  const show = () => {
    const text = JSON.stringify(state)
    if (path === undefined || text === shown) return
    shown = text
    // Not durable: it is worth nothing after a crash. Progress that can not be shown must not fail the task.
    writing = writing
      .then(() => writeFile(`${path}.tmp`, text))
      .then(() => rename(`${path}.tmp`, path))
      .catch(() => {})
  }
  const timer = setInterval(show, EVERY_MS)
  return {
    stage(text) {
      state.stage = text
      show()
    },
    add(bytes) {
      state.bytes += bytes
    },
    async stop() {
      clearInterval(timer)
      show()
      await writing
    },
  }
}
