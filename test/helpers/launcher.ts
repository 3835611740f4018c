/** Homes for the launcher, small enough to break: the real ./fettle and setup.sh around a program that says how it was started. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

const checkout = join(import.meta.dirname, '../..')

/** What the launcher needs beside node and npm. */
const TOOLS = ['sh', 'env', 'dirname', 'find', 'flock', 'grep', 'id', 'mkdir', 'mv', 'readlink', 'rm', 'tail', 'touch', 'uname']

/** Prints how it was started; with `wait` as its first argument it then waits for SIGTERM and exits with 7. */
const PROGRAM = `
if (process.argv[2] === 'wait') { process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1e6) }
console.log(JSON.stringify({ pid: process.pid, node: process.versions.node, argv: process.argv.slice(2) }))
`

/** Stands in for scripts/build.ts. */
const BUILD = `
import { mkdirSync, writeFileSync } from 'node:fs'
process.chdir(import.meta.dirname + '/..')
mkdirSync('dist/b', { recursive: true })
writeFileSync('dist/b/main.js', ${JSON.stringify(PROGRAM)})
writeFileSync('dist/current', 'b\\n')
`

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

function findProgram(name: string): string {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(path => existsSync(path))
  if (found === undefined) throw new Error(`${name} is not on the PATH, and this test needs it`)
  return found
}

export class LauncherHome {
  readonly folder: string
  /** The only folder on the launcher's PATH. */
  readonly bin: string
  readonly #env: Record<string, string> = {}

  constructor(folder: string) {
    this.folder = folder
    this.bin = join(folder, 'bin')
  }

  path(...names: string[]): string {
    return join(this.folder, 'home', ...names)
  }

  async addProgram(name: string, script: string): Promise<void> {
    await rm(join(this.bin, name), { force: true })
    await writeFile(join(this.bin, name), `#!/bin/sh\n${script}\n`)
    await chmod(join(this.bin, name), 0o755)
  }

  /** This Node under another version's name: it evaluates what the launcher asks as the old one would. */
  async addNode(version: string): Promise<void> {
    const preload = join(this.folder, `node-${version}.cjs`)
    await writeFile(preload, `Object.defineProperty(process.versions, 'node', { value: '${version}' })`)
    await this.addProgram('node', `exec '${process.execPath}' -r '${preload}' "$@"`)
  }

  /** The machine's npm; `calls` tells how often it ran. */
  async addNpm(): Promise<void> {
    await this.addProgram(
      'npm',
      `echo "$1" >>'${join(this.folder, 'calls')}'\nexec '${process.execPath}' '${await realpath(findProgram('npm'))}' "$@"`,
    )
  }

  async calls(): Promise<string[]> {
    const path = join(this.folder, 'calls')
    return existsSync(path) ? (await readFile(path, 'utf8')).trim().split('\n') : []
  }

  setEnv(name: string, value: string): void {
    this.#env[name] = value
  }

  /** A process group of its own, so that it can be killed with all that it started. */
  spawn(argv: string[] = [], program = this.path('fettle')): ChildProcess & { ended: Promise<Ended> } {
    const env = { ...process.env, ...this.#env, PATH: this.bin, XDG_CACHE_HOME: join(this.folder, 'cache') }
    const child = spawn(program, argv, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const exit = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
    const ended = Promise.all([exit, text(child.stdout), text(child.stderr)]).then(([code, stdout, stderr]) => ({ code, stdout, stderr }))
    return Object.assign(child, { ended })
  }

  start(argv: string[] = [], program?: string): Promise<Ended> {
    return this.spawn(argv, program).ended
  }
}

/** @param shape a package brings its build; a checkout has sources, and makes it */
export async function createLauncherHome(t: Pick<TestContext, 'after'>, shape: 'package' | 'checkout'): Promise<LauncherHome> {
  const home = new LauncherHome(await mkdtemp(join(tmpdir(), 'fettle-launcher-')))
  t.after(() => rm(home.folder, { recursive: true, force: true }))
  await mkdir(home.bin)
  for (const name of TOOLS) await symlink(findProgram(name), join(home.bin, name))
  for (const name of ['fettle', 'scripts/setup.sh']) {
    await mkdir(dirname(home.path(name)), { recursive: true })
    await copyFile(join(checkout, name), home.path(name))
  }
  const files = shape === 'package' ? packageFiles : checkoutFiles
  for (const [name, source] of Object.entries(files)) {
    await mkdir(dirname(home.path(name)), { recursive: true })
    await writeFile(home.path(name), source)
  }
  return home
}

const packageFiles = { 'package.json': '{ "type": "module" }', 'dist/current': 'b\n', 'dist/b/main.js': PROGRAM }
const checkoutFiles = {
  'package.json': '{ "type": "module" }',
  'package-lock.json': '{}',
  'src/main.ts': '',
  'src/main.test.ts': '',
  'scripts/build.ts': BUILD,
}
