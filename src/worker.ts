/** The data worker's entry: a deploy starts one for each data task, so what they compile is kept. */
import { keepCompiledCode } from './lib/compile-cache.ts'

keepCompiledCode()
await import('./data-worker.ts')
