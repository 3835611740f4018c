/**
 * Bundles fettle with everything it depends on into dist/<digest>/, a folder that is never changed afterwards, and then names it in
 * dist/current: one rename, so a start in this moment finds the old build or the new one. `--only` removes all other builds (for a package).
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { readIfExists, writeFileAtomic } from '../src/lib/files.ts'
import { lazyBuiltins } from './builtins.ts'
import { noticesOf } from './notices.ts'
import { filesOf } from './test-files.ts'

const home = join(import.meta.dirname, '..')
const dist = join(home, 'dist')
const current = join(dist, 'current')

/** Bundles into memory: nothing is written before all of it is known to be good. */
async function bundle(): Promise<{ files: Map<string, Uint8Array>; metafile: Metafile }> {
  const manifest: { version: string } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'))
  const entries = (await filesOf(['src/*.ts'], home)).filter(path => !path.endsWith('.test.ts')) // a program each
  const result = await build({
    absWorkingDir: home,
    entryPoints: entries,
    outdir: 'dist',
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true, // not names or white space: a stack trace from somebody's server must be readable
    sourcemap: 'linked', // read only under `--enable-source-maps`
    sourcesContent: false,
    legalComments: 'none', // THIRD-PARTY-NOTICES has them whole
    preserveSymlinks: true, // the same bytes when node_modules is a symlink to another checkout's
    chunkNames: '[name]-[hash]', // beside the entries, so that `import.meta.dirname` is the same folder everywhere
    // Dependencies in CommonJS call require() for Node's own modules.
    banner: { js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
    plugins: [lazyBuiltins],
    define: { esbuildDetection: 'true', FETTLE_VERSION: JSON.stringify(manifest.version) },
    logLevel: 'warning',
  })
  return { files: new Map(result.outputFiles.map(file => [file.path.slice(dist.length + 1), file.contents])), metafile: result.metafile }
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
const { files, metafile } = await bundle()
files.set('THIRD-PARTY-NOTICES', Buffer.from(await noticesOf(metafile, home)))
const digest = digestOf(files)
const previous = (await readIfExists(current))?.trim()
await writeBuild(files, digest)
await writeFileAtomic(current, `${digest}\n`)
await utimes(current, startedAt, startedAt)
// The build before stays: something that started a moment ago may still load parts of it.
await removeBuildsExcept(process.argv.includes('--only') ? [digest] : [digest, previous])
