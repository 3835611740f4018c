/** What is on the machine and in the home that nothing needs: processes, folders, files. Each with a word why it should not be. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Layout } from '../../src/core/layout.ts'
import type { Manifest } from '../../src/core/snapshot.ts'
import { isGone, readIfThere } from '../../src/lib/proc-files.ts'
import type { RouteTable } from '../../src/ports/proxy.ts'

export interface Owned {
  paths: Layout
  table: RouteTable
  /** Folder of the repository. */
  repository: string
  /** Pid of the agent. */
  agent: number | undefined
  manifests: Manifest[]
}

export function leftovers(owned: Owned): string[] {
  return [
    ...strayProcesses(owned),
    ...strayUnits(owned),
    ...strayWork(owned),
    ...strayReleases(owned),
    ...strayData(owned),
    ...strayObjects(owned),
  ]
}

const names = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

interface Process {
  pid: number
  command: string[]
  cwd: string
  /** Where it belongs: words of its command, its unit, its folder. */
  marks: string[]
}

/** Every process that knows of the home, however deep it was started. */
export function processesOf(home: string): Process[] {
  return names('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .map(pid => {
      const command = wordsOf(pid, 'cmdline')
      const cwd = folderOf(pid)
      const units = wordsOf(pid, 'environ').map(entry => entry.replace(/^FETTLE_UNIT=/, ''))
      return { pid, command, cwd, marks: [...command, ...units, cwd] }
    })
    .filter(({ marks }) => marks.some(mark => mark === home || mark.startsWith(`${home}/`)))
}

/** All belong to the agent, the front, or an instance that the table names; each instance has its shim. A port is left with a process. */
function strayProcesses({ paths, table, agent }: Owned): string[] {
  const serving = Object.values(table.groups).map(group => `${join(paths.units, 'groups', group)}/`)
  const units = processesOf(paths.home).filter(({ pid, command }) => pid !== agent && !command.includes(paths.front))
  const strays = units.filter(({ marks }) => !marks.some(mark => serving.some(group => mark.startsWith(group))))
  const lacking = serving.filter(group => !units.some(({ command, cwd }) => command[0] === 'fettle-shim' && cwd.startsWith(group)))
  return [
    ...strays.map(({ pid, command, cwd }) => `process ${pid} (${command.join(' ')}) in ${cwd}`),
    ...lacking.map(group => `no shim runs in ${group}`),
  ]
}

const wordsOf = (pid: number, file: string): string[] =>
  (readIfThere(`/proc/${pid}/${file}`)?.toString() ?? '').split('\0').filter(word => word !== '')

function folderOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch (error) {
    if (isGone(error)) return ''
    throw error
  }
}

function strayUnits({ paths, table }: Owned): string[] {
  const serving = Object.values(table.groups)
  const groups = names(join(paths.units, 'groups')).filter(name => !serving.includes(name))
  const others = ['commands', 'sandboxes', 's', 'trash'].flatMap(kind => names(join(paths.units, kind)).map(name => `${kind}/${name}`))
  return [...groups.map(name => `groups/${name}`), ...others].map(name => `unit ${name}`)
}

/** Folders of one operation, and whatever was being written. */
function strayWork({ paths, repository, table }: Owned): string[] {
  const work = [paths.tasks, paths.scratches].flatMap(folder => names(folder).map(name => join(folder, name)))
  const kept = [paths.agent, paths.apps, paths.front, paths.keys, join(paths.home, 'logs'), repository]
  const halves = kept.flatMap(tree).filter(path => /\.(tmp|partial|fetched|hold)$/.test(path))
  return [...work, ...halves].map(path => `${relative(paths.home, path)} (generation ${table.generation})`)
}

const tree = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }).map(entry => join(entry.parentPath, entry.name)) : []

/** Releases are whole; artifacts are sealed and named by a release, or complete and waiting for the next deploy's clean-up. */
function strayReleases({ paths, table: { app, environment } }: Owned): string[] {
  const releases = paths.releases(app, environment)
  const halves = names(releases).filter(name => !names(join(releases, name)).includes('release.json'))
  const artifacts = names(paths.artifacts(app, environment))
  const unsealed = artifacts.filter(name => !name.endsWith('.json') && !artifacts.includes(`${name}.json`))
  const empty = artifacts.filter(name => name.endsWith('.json') && !artifacts.includes(name.slice(0, -'.json'.length)))
  const keys = names(releases).map(name => keyOf(join(releases, name)))
  const missing = keys.filter(key => key !== undefined && !artifacts.includes(key))
  return [
    ...halves.map(name => `half a release ${name}`),
    ...unsealed.map(name => `artifact ${name} without a seal`),
    ...empty.map(name => `seal ${name} without an artifact`),
    ...missing.map(key => `a release names the artifact ${key}, which is gone`),
  ]
}

function keyOf(release: string): string | undefined {
  const text = readIfThere(join(release, 'release.json'))?.toString()
  return text === undefined ? undefined : (JSON.parse(text) as { artifact: { key: string } }).artifact.key
}

/** What is live, and what the last restore replaced. */
function strayData({ paths, table: { app, environment, stores } }: Owned): string[] {
  return Object.entries(stores).flatMap(([store, current]) => {
    const folder = paths.liveStore(app, environment, store)
    const all = names(folder).map(name => join(folder, name))
    if (!all.includes(current)) return [`live data ${current} is gone`]
    return all.length > 2 ? [`${all.length} generations of ${store}: ${all.join(', ')}`] : []
  })
}

function strayObjects({ repository, manifests }: Owned): string[] {
  const known = new Set(manifests.flatMap(manifest => manifest.parts).flatMap(part => part.objects.map(object => object.name)))
  const objects = names(join(repository, 'objects')).flatMap(group => names(join(repository, 'objects', group)))
  const stray = objects.filter(name => !known.has(name.slice(0, 32)))
  const others = ['pending', 'trash'].flatMap(kind => names(join(repository, kind)).map(name => `${kind}/${name}`))
  return [...stray, ...others].map(name => `stored object ${name}`)
}
