/**
 * The embedded proxy: a Node process of its own, the *front*, under a shim that holds its listener. `front/` is what runs in
 * it; beside this file is what the agent uses to start and tell it. Its folder is described in `layout.ts`.
 */
import { fileURLToPath } from 'node:url'
import { EmbeddedProxy } from './driver.ts'
import type { FrontOptions } from './front-process.ts'

/** From source unless told. A small young generation: under load it saves 10 MB and costs no throughput that could be measured. */
export const frontProgram = (entry = fileURLToPath(new URL('../../../front.ts', import.meta.url))): string[] => [
  process.execPath,
  '--max-semi-space-size=2',
  entry,
]

export function createEmbeddedProxy({
  program = frontProgram(),
  ...options
}: Omit<FrontOptions, 'program'> & { program?: readonly string[] }): EmbeddedProxy {
  return new EmbeddedProxy({ program, ...options })
}
