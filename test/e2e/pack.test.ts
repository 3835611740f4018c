import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const home = join(import.meta.dirname, '../..')

describe('the package that npm pack makes', () => {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  let folder: string
  let prefix: string
  let files: string[]

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fettle-pack-'))
    prefix = join(folder, 'prefix')
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: home, env })
    const [packed]: { filename: string; files: { path: string }[] }[] = JSON.parse(stdout)
    assert.ok(packed)
    files = packed.files.map(({ path }) => path)
    // Offline: nothing but the package itself may be needed.
    const install = ['install', '--global', '--prefix', prefix, '--ignore-scripts', '--offline', join(folder, packed.filename)]
    await run('npm', install, { cwd: folder, env })
  })
  after(() => rm(folder, { recursive: true, force: true }))

  test('installs globally in an empty prefix and answers', async () => {
    const { version }: { version: string } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'))
    const { stdout, stderr } = await run(join(prefix, 'bin/fettle'), ['--version'], { cwd: folder, env })
    assert.deepEqual([stdout, stderr], [`${version}\n`, ''])
  })

  test('loads the whole command line from the bundle', async () => {
    const { stdout } = await run(join(prefix, 'bin/fettle'), ['--help'], { cwd: folder, env })
    assert.match(stdout, /^Usage: fettle/)
  })

  test('starts without the parts of Node that are loaded when they are first used', async () => {
    const preload = join(folder, 'loaded.cjs')
    await writeFile(preload, "process.on('exit', () => console.error(process.moduleLoadList.filter(name => /undici/.test(name)).join()))")
    const build = (await readFile(join(prefix, 'lib/node_modules/fettle/dist/current'), 'utf8')).trim()
    const main = join(prefix, 'lib/node_modules/fettle/dist', build, 'main.js')
    const { stderr } = await run(process.execPath, ['-r', preload, main, '--help'], { cwd: folder, env })
    assert.equal(stderr.trim(), '')
  })

  test('holds one build, the licences of what is bundled, and none of the sources', () => {
    const others = files.filter(
      path =>
        !/^(fettle|package\.json|LICENSE|README\.md|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md|docs\/[\w/.-]+|scripts\/setup\.sh|dist\/current|examples\/.*)$/.test(
          path,
        ),
    )
    const builds = new Set(others.map(path => dirname(path)))
    assert.equal(builds.size, 1)
    const [build] = builds
    assert.ok(files.includes(`${build}/main.js`))
    assert.ok(files.includes(`${build}/THIRD-PARTY-NOTICES`))
  })

  test('brings what the demo deploys, lock files included', () => {
    for (const path of ['guestbook/fettle.yaml', 'guestbook/package-lock.json', 'guestbook-versions/v4/entries.js'])
      assert.ok(files.includes(`examples/${path}`), path)
  })

  test('has no dependencies to install', async () => {
    const manifest = JSON.parse(await readFile(join(prefix, 'lib/node_modules/fettle/package.json'), 'utf8'))
    assert.equal(manifest.dependencies, undefined)
  })
})
