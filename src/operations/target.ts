/** Which app and environment a request means, and the file as it is now. */
import { dirname, isAbsolute } from 'node:path'
import { FettleError, toFettleError } from '../core/errors.ts'
import { IDENTIFIER } from '../core/names.ts'
import { isExternal } from '../core/spec/derived.ts'
import type { Problem } from '../core/spec/problem.ts'
import type { Spec } from '../core/spec/schema.ts'
import { exists, readText } from '../lib/files.ts'
import { type Environment, readEnvironment } from './environment.ts'
import type { Named } from './kept.ts'
import { requireKnown } from './known.ts'
import { readRepositoryRecord } from './snapshots/repository-record.ts'
import type { World } from './world.ts'

export interface TargetRequest {
  file?: string | undefined
  app?: string | undefined
  environment?: string | undefined
}

export interface ProjectFile {
  file: string
  folder: string
  spec: Spec
  environment: string
  /** All that the file has. */
  environments: string[]
  /** About the file as a whole: `parseSpec`. */
  warnings: Problem[]
}

/** @throws FettleError USAGE, NOT_FOUND, SPEC_INVALID */
export async function readProject(request: TargetRequest): Promise<ProjectFile> {
  const { file } = request
  if (file === undefined)
    throw new FettleError('USAGE', 'no fettle.yaml was named', { hint: 'Run it in the project folder, or name the file with --file.' })
  if (!isAbsolute(file)) throw new FettleError('USAGE', `${file} is no absolute path`)
  const text = await readSpec(file)
  const { parseSpec } = await import('../core/spec/parse.ts') // with its reader of YAML: loaded when a file is read
  const { spec, environment, environments, warnings } = parseSpec(text, {
    file,
    ...(request.environment === undefined ? {} : { environment: request.environment }),
  })
  return { file, folder: dirname(file), spec, environment, environments, warnings }
}

/** A file with problems can wait: `fettle validate` and the next deploy tell of them. @throws FettleError USAGE, NOT_FOUND */
export const soundProject = (request: TargetRequest): Promise<ProjectFile | undefined> =>
  readProject(request).catch(error => {
    if (error instanceof FettleError && error.code === 'SPEC_INVALID') return undefined
    throw error
  })

/** Every look at a project asks, and the text is nearly always that of the last time. */
const lastRead = new Map<string, { text: string; app: string }>()

/** The app that a file describes. @throws FettleError NOT_FOUND, SPEC_INVALID */
export async function appIn(file: string): Promise<string> {
  const text = await readSpec(file)
  const last = lastRead.get(file)
  if (last?.text === text) return last.app
  const app = await readProject({ file }).then(
    ({ spec }) => spec.app,
    error => nameDespite(error, text),
  )
  lastRead.set(file, { text, app })
  return app
}

/** A file that is half edited still says what it is about; what serves can be looked at, and returned from. @throws the error when it does not */
function nameDespite(error: unknown, text: string): string {
  const name = /^app: *["']?([^\s"'#]+)["']? *(?:#.*)?\r?$/m.exec(text)?.[1]
  if (name === undefined || !IDENTIFIER.test(name) || !(error instanceof FettleError) || error.code !== 'SPEC_INVALID') throw error
  return name
}

const readSpec = (file: string): Promise<string> =>
  readText(file).catch(error => {
    throw toFettleError(error, `read ${file}`)
  })

/** The environment a request is about, by its file or, where that is gone, by names. @throws FettleError NOT_FOUND for names that mean nothing */
export async function readTarget(world: World, request: TargetRequest): Promise<Environment> {
  if (request.app !== undefined) {
    const environment = request.environment ?? 'production'
    await requireKnown(world, request.app, environment)
    return readEnvironment(world, request.app, environment)
  }
  const { app, environment } = await namedBy(world, request)
  return readEnvironment(world, app, environment)
}

async function namedBy(world: World, request: TargetRequest): Promise<{ app: string; environment: string }> {
  try {
    const { spec, environment } = await readProject(request)
    return { app: spec.app, environment }
  } catch (error) {
    const app = nameDespite(error, await readSpec(request.file ?? ''))
    const environment = request.environment ?? 'production'
    await requireKnown(world, app, environment).catch(() => {
      throw error
    })
    return { app, environment }
  }
}

/** The file as the release that serves took it; as it is now where something else runs the app, since nothing of it is deployed. */
export async function specOf(world: World, environment: Environment, request: TargetRequest): Promise<Spec> {
  const { serving } = environment
  const isRun = serving !== undefined && !isExternal(serving.spec)
  if (isRun || (serving !== undefined && request.file === undefined)) return serving.spec
  return (await projectOf(world, environment, request.file)).spec
}

/** The file that is named; of what is only known by its backups, the one that they were taken by. @throws FettleError NOT_FOUND, SPEC_INVALID */
export async function projectOf(world: World, { app, environment }: Named, named?: string): Promise<ProjectFile> {
  const file = named ?? (await readRepositoryRecord(world, { app, environment }))?.file
  const known = `nothing of ${app}/${environment} is deployed, so its file says what its data is`
  const hint = 'Ask in the folder of its fettle.yaml, or name the file with --file.'
  if (file === undefined) throw new FettleError('NOT_FOUND', `${known}; where that lies is not known`, { hint })
  if (named === undefined && !(await exists(file))) throw new FettleError('NOT_FOUND', `${known}; ${file} is not there any more`, { hint })
  const project = await readProject({ file, environment })
  if (project.spec.app === app) return project
  throw new FettleError('NOT_FOUND', `${known}; ${file} is about ${project.spec.app} by now`, { hint })
}

/** The same, but for what a drill expects: that is a promise about the data, and counts as it is written now. */
export async function drillSpecOf(world: World, environment: Environment, request: TargetRequest): Promise<Spec> {
  const spec = await specOf(world, environment, request)
  if (request.file === undefined) return spec
  const { drill } = (await readProject(request)).spec.backups
  return { ...spec, backups: { ...spec.backups, drill } }
}

/** @throws FettleError NOT_FOUND when nothing was deployed there, or all was taken down */
export function requireServing({ app, environment, serving, isDown }: Environment): NonNullable<Environment['serving']> {
  if (serving !== undefined && !isDown) return serving
  throw new FettleError(
    'NOT_FOUND',
    `${app}/${environment} ${isDown ? 'was taken down: no release is left that could run' : 'runs no release'}`,
    {
      hint: `\`fettle deploy ${environment}\` makes ${isDown ? 'a new one, on the data that stayed' : 'one'}.`,
    },
  )
}
