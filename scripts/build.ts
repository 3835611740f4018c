/**
 * Bundles fettle with everything it depends on into dist/<digest>/, a folder that is never changed afterwards, and then names it in
 * dist/current: one rename, so a start in this moment finds the old build or the new one. `--only` removes all other builds (for a package).
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join, parse } from 'node:path'
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild'
import { readIfExists, writeFileAtomic } from '../src/lib/files.ts'
import { lazyBuiltins } from './builtins.ts'
import { noticesOf } from './notices.ts'
import { filesOf } from './test-files.ts'

const home = join(import.meta.dirname, '..')
const dist = join(home, 'dist')
const current = join(dist, 'current')

/** In one file each, for what must start soonest: a file costs half a millisecond, and parts shared by all programs are many files. */
const ALONE = ['main', 'status', 'worker', 'data-worker']

/** The programs that these hand over to stay files of their own. */
const handOver: Plugin = {
  name: 'hand-over',
  setup(build) {
    build.onResolve({ filter: /^\.\/[\w-]+\.ts$/ }, ({ path, kind, importer }) =>
      kind === 'dynamic-import' && dirname(importer) === join(home, 'src')
        ? { path: path.replace(/ts$/, 'js'), external: true }
        : undefined,
    )
  },
}

/** Bundles into memory: nothing is written before all of it is known to be good. */
async function bundle(): Promise<{ files: Map<string, Uint8Array>; outputs: Metafile['outputs'] }> {
  const manifest: { version: string } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'))
  const programs = (await filesOf(['src/*.ts'], home)).filter(path => !path.endsWith('.test.ts'))
  const options = {
    absWorkingDir: home,
    outdir: 'dist',
    write: false as const,
    metafile: true as const,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true, // not names or white space: a stack trace from somebody's server must be readable
    sourcemap: 'linked', // read only under `--enable-source-maps`
    sourcesContent: false,
    legalComments: 'none', // THIRD-PARTY-NOTICES has them whole
    preserveSymlinks: true, // the same bytes when node_modules is a symlink to another checkout's
    chunkNames: '[name]-[hash]', // beside the programs, so that `import.meta.dirname` is the same folder everywhere
    // Dependencies in CommonJS call require() for Node's own modules.
    banner: { js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
    plugins: [handOver, lazyBuiltins],
    define: { esbuildDetection: 'true', FETTLE_VERSION: JSON.stringify(manifest.version) },
    logLevel: 'warning',
  } satisfies BuildOptions
  const isAlone = (path: string) => ALONE.includes(parse(path).name)
  const results = await Promise.all([
    build({ ...options, entryPoints: programs.filter(isAlone) }),
    build({ ...options, entryPoints: programs.filter(path => !isAlone(path)), splitting: true }),
  ])
  return {
    files: new Map(
      results.flatMap(({ outputFiles }) => outputFiles.map(file => [file.path.slice(dist.length + 1), file.contents] as const)),
    ),
    outputs: Object.assign({}, ...results.map(({ metafile }) => metafile.outputs)),
  }
}

function digestOf(files: Map<string, Uint8Array>): string {
  const hash = createHash('sha256')
  for (const name of [...files.keys()].sort()) hash.update(`${name}\0`).update(files.get(name) ?? '')
  return hash.digest('hex').slice(0, 16)
}

async function writeBuild(files: Map<string, Uint8Array>, digest: string): Promise<void> {
  const folder = join(dist, digest)
  if (existsSync(folder)) return
  const temporary = join(dist, `.incoming-${process.pid}`)
  await mkdir(temporary, { recursive: true })
  for (const [name, bytes] of files) await writeFile(join(temporary, name), bytes)
  await rename(temporary, folder).catch(async error => {
    await rm(temporary, { recursive: true, force: true })
    if (!existsSync(folder)) throw error // else another build of the same sources was first
  })
}

async function removeBuildsExcept(kept: (string | undefined)[]): Promise<void> {
  for (const name of await readdir(dist)) {
    if (name !== 'current' && !kept.includes(name)) await rm(join(dist, name), { recursive: true, force: true })
  }
}

const startedAt = new Date() // an edit during the build must leave it stale
const { files, outputs } = await bundle()
// Or Node would read each program twice, once only to find out that it is a module.
files.set('package.json', Buffer.from('{ "type": "module" }\n'))
files.set('THIRD-PARTY-NOTICES', Buffer.from(await noticesOf({ outputs }, home)))
const digest = digestOf(files)
const previous = (await readIfExists(current))?.trim()
await writeBuild(files, digest)
await writeFileAtomic(current, `${digest}\n`)
await utimes(current, startedAt, startedAt)
// The build before stays: something that started a moment ago may still load parts of it.
await removeBuildsExcept(process.argv.includes('--only') ? [digest] : [digest, previous])
