/** One command in the release that serves, and the release's tests on the live route at any time. */
import * as z from 'zod'
import { FettleError } from '../core/errors.ts'
import { plural } from '../core/format.ts'
import type { Json } from '../core/json.ts'
import type { Plan } from '../core/plan.ts'
import { notFoundHint } from '../core/program-path.ts'
import { stepKind } from '../engine/step.ts'
import { removePipesFolders } from '../lib/pipes-folder.ts'
import { basisOf } from './basis.ts'
import { endCommand, runCommand } from './commands.ts'
import { type readEnvironment, requireRelease } from './environment.ts'
import { ownCommand } from './groups.ts'
import { readTarget, requireServing, type TargetRequest } from './target.ts'
import { type Terminal, terminalArgv } from './terminal.ts'
import type { World } from './world.ts'

export interface RunRequest extends TargetRequest {
  argv: string[]
  service?: string | undefined
  /** A named pipe. */
  stdin?: string | undefined
  /** Named pipes. */
  output?: { stdout: string; stderr: string } | undefined
  terminal?: Terminal | undefined
}

export async function planRun(world: World, request: RunRequest): Promise<Plan> {
  const environment = await readTarget(world, request)
  const serving = requireServing(environment)
  const input: { [key: string]: Json } = {
    release: serving.id,
    argv: request.argv,
    stores: environment.table.stores,
    service: request.service ?? null,
    ...(request.stdin === undefined ? {} : { stdin: request.stdin }),
    ...(request.output === undefined ? {} : { output: request.output }),
    ...(request.terminal === undefined ? {} : { terminal: { ...request.terminal } }),
  }
  return {
    ...head('run', environment),
    lines: [{ text: `${request.argv.join(' ')} in ${serving.id}`, tone: 'plain' }],
    steps: [{ id: 'run', kind: 'command.run@1', title: request.argv.join(' '), input, after: [] }],
  }
}

export async function planTest(world: World, request: TargetRequest): Promise<Plan> {
  const environment = await readTarget(world, request)
  const serving = requireServing(environment)
  const tests = serving.spec.release.test.length
  if (tests === 0)
    throw new FettleError('NOT_FOUND', `${serving.id} declares no tests`, {
      hint: 'Add `release: { test: [{ http: / }] }` to fettle.yaml.',
    })
  return {
    ...head('test', environment),
    lines: [{ text: `${plural(tests, 'test')} of ${serving.id} on the live route`, tone: 'plain' }],
    steps: [
      {
        id: 'test',
        kind: 'live.test@1',
        title: 'tests through the public route',
        input: { release: serving.id, mustPass: true },
        after: [],
      },
    ],
  }
}

const head = (kind: 'run' | 'test', { app, environment, table }: Awaited<ReturnType<typeof readEnvironment>>) => ({
  format: 1 as const,
  kind,
  app,
  environment,
  leases: [],
  basis: basisOf({ 'what serves': table.generation }),
})

type Ends = Pick<RunRequest, 'stdin' | 'output' | 'terminal'>

/** With the command, whatever became of whoever made them: who reads them still has them open. */
const removePipes = ({ stdin, output, terminal }: Ends): Promise<void> =>
  removePipesFolders([stdin, output?.stdout, output?.stderr, terminal?.file].filter(path => path !== undefined))

const commandRun = (world: World) =>
  stepKind({
    kind: 'command.run@1',
    input: z.object({
      release: z.string(),
      argv: z.array(z.string()),
      stores: z.record(z.string(), z.string()),
      service: z.string().nullable(),
      stdin: z.string().optional(),
      output: z.object({ stdout: z.string(), stderr: z.string() }).optional(),
      terminal: z.object({ file: z.string(), type: z.string(), colours: z.string(), columns: z.number(), rows: z.number() }).optional(),
    }),
    cancel: 'now',
    silentForMs: 600_000,
    observe: async () => 'partial',
    async run(input, context) {
      const { release: id, argv, stores, service, stdin, output, terminal } = input
      const release = await requireRelease(world, context.operation, id)
      const words = terminal === undefined ? argv : terminalArgv(argv, terminal)
      const command = await ownCommand(world, release, words, service, { stores })
      const pipes = { ...(stdin === undefined ? {} : { stdin: { pipe: stdin } }), ...(output === undefined ? {} : { output }) }
      const result = await runCommand(world, context, { ...command, ...pipes })
      await removePipes(input)
      if (result.code !== 0) {
        const hint = notFoundHint(result.code)
        const details = { context: { code: result.code }, ...(hint === undefined ? {} : { hint }) }
        context.complain(new FettleError('COMMAND_FAILED', `${argv[0]} exited ${result.code}`, details))
      }
      return { code: result.code, durationMs: result.durationMs }
    },
    async undo(input, context) {
      await endCommand(world, context)
      await removePipes(input)
    },
  })

export const runKinds = (world: World) => [commandRun(world)]
