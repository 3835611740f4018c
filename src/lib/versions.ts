/**
 * The agent and all it starts run from a copy of the build below their home, `versions/<digest>/`, which never changes: a checkout that
 * is built anew, or a package that is replaced, takes nothing from under what runs.
 */
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fsyncFolder } from './files.ts'
import { commandLines } from './proc-files.ts'
import { ownBuild, programPath } from './program-path.ts'
import { removeTree } from './remove-tree.ts'

/** So many builds stay: the one that runs, the one before it, one to spare. */
const KEPT = 3

/** Path of the agent's program inside the home, copied there when missing. From source there is nothing to copy. */
export async function installVersion(home: string): Promise<string> {
  const program = programPath('agent')
  if (program.endsWith('.ts')) return program
  const build = dirname(program)
  const versions = join(home, 'versions')
  const target = join(versions, basename(build))
  await mkdir(versions, { recursive: true, mode: 0o700 })
  if (!(await isThere(target))) await copyWhole(build, target, versions)
  await pointCurrent(versions, basename(build))
  return join(target, basename(program))
}

async function copyWhole(build: string, target: string, versions: string): Promise<void> {
  const incoming = join(versions, `.incoming-${process.pid}`)
  await cp(build, incoming, { recursive: true })
  await rename(incoming, target).catch(async error => {
    await removeTree(incoming)
    if (!(await isThere(target))) throw error // else somebody else was first
  })
  await fsyncFolder(versions)
}

/** What starts the agent at boot: the build that was installed last and did start. */
export function bootProgram(home: string): string {
  const program = programPath('agent')
  return program.endsWith('.ts') ? program : join(home, 'versions', 'current', basename(program))
}

/** The same where there is one. */
export function installedProgram(home: string): string | undefined {
  const program = bootProgram(home)
  return existsSync(program) ? program : undefined
}

/** Undoes what the installation of another build did to the next boot: it is started from this one, which is there. */
export const bootFrom = (home: string, build: string): Promise<void> => pointCurrent(join(home, 'versions'), build)

/** `current` leads to one build, by one rename. */
async function pointCurrent(versions: string, build: string): Promise<void> {
  const link = join(versions, `.current-${process.pid}`)
  await rm(link, { force: true })
  await symlink(build, link)
  await rename(link, join(versions, 'current'))
}

/** Removes builds beyond the newest few, never one from which something still runs: a front that drains, a data task, a relay. */
export async function pruneVersions(home: string): Promise<void> {
  const versions = join(home, 'versions')
  const names = (await isThere(versions)) ? (await readdir(versions)).filter(name => name !== 'current' && !name.startsWith('.')) : []
  const dated = await Promise.all(names.map(async name => ({ name, at: (await stat(join(versions, name))).birthtimeMs })))
  const old = dated.sort((a, b) => b.at - a.at).slice(KEPT)
  if (old.length === 0) return
  const running = commandLines().map(({ words }) => words.join(' '))
  const isInUse = (name: string) => name === ownBuild() || running.some(line => line.includes(`${join(versions, name)}/`))
  for (const { name } of old) if (!isInUse(name)) await removeTree(join(versions, name))
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    error => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    },
  )
