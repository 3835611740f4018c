/** The clients of the switch benches, from the side of what they watch: generation 1 serves when they begin. */
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { LoadFigures, SharedState } from './switch-load.ts'

export interface Load {
  begins(generation: number): void
  isDone(generation: number): void
  end(): Promise<LoadFigures>
}

export function startLoad(port: number, keepAlive: SharedState['keepAlive']): Load {
  const generations = new Int32Array(new SharedArrayBuffer(12))
  generations.set([1, 1, 0])
  const workerData: SharedState = { port, generations, keepAlive }
  const worker = new Worker(join(import.meta.dirname, 'switch-load.ts'), { workerData })
  const figures = once(worker, 'message') as Promise<[LoadFigures]>
  return {
    begins: generation => void Atomics.store(generations, 0, generation),
    isDone: generation => void Atomics.store(generations, 1, generation),
    async end() {
      Atomics.store(generations, 2, 1)
      return (await figures)[0]
    },
  }
}
