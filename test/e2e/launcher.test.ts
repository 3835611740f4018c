import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createLauncherHome, type Ended, type LauncherHome } from '../helpers/launcher.ts'

const PINNED = '24.21.0'

/** What the program under the launcher printed about itself. */
function said({ code, stdout, stderr }: Ended): { pid: number; node: string; argv: string[] } {
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

/** Makes a file newer or older than everything that was written so far. */
const setAge = (path: string, seconds: number) => utimes(path, Date.now() / 1000 + seconds, Date.now() / 1000 + seconds)

/** Starts fettle with an npm that hangs in the middle, and kills both as a power cut would. */
async function killInNpm(home: LauncherHome, half: string): Promise<void> {
  await home.addProgram('npm', `mkdir -p '${half}'\n: >'${join(home.folder, 'stuck')}'\nkill -STOP $$`)
  const watcher = watch(home.folder)
  const start = home.spawn()
  while (!existsSync(join(home.folder, 'stuck'))) await once(watcher, 'change')
  watcher.close()
  assert.ok(start.pid !== undefined)
  process.kill(-start.pid, 'SIGKILL')
  await start.ended
}

describe('the launcher on a machine with an old Node', () => {
  test(`brings Node ${PINNED} once, for two starts at the same time, after a set-up that was killed, and for all later ones`, async t => {
    const home = await createLauncherHome(t, 'package')
    await home.addNode('20.19.0')
    await killInNpm(home, home.path('.node/half'))
    const left = (await readdir(home.path('.node'))).filter(name => name.startsWith('incoming.'))
    assert.equal(left.length, 1)

    await home.addNpm()
    const [first, second] = await Promise.all([home.start(['one']), home.start(['two'])])
    assert.equal(said(first).node, PINNED)
    assert.equal(said(second).node, PINNED)
    assert.deepEqual(await home.calls(), ['install'])
    assert.deepEqual((await readdir(home.path('.node'))).sort(), ['half', 'lock', 'log', 'node-24', `v${PINNED}`])

    const later = await home.start(['three'])
    assert.deepEqual(said(later).argv, ['three'])
    assert.equal(later.stderr, '')
    assert.deepEqual(await home.calls(), ['install'])
  })

  test('without npm says what is missing and how to get it', async t => {
    const home = await createLauncherHome(t, 'package')
    await home.addNode('20.19.0')
    const { code, stdout, stderr } = await home.start()
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /Node 24 or newer is missing, and npm, which would bring it, is not on the PATH/)
    assert.match(stderr, /apt-get install -y npm/)
  })

  test('without a network shows what npm said and which command failed', async t => {
    const home = await createLauncherHome(t, 'package')
    await home.addNode('20.19.0')
    await home.addNpm()
    home.setEnv('npm_config_registry', 'http://127.0.0.1:1/')
    home.setEnv('npm_config_cache', join(home.folder, 'npm-cache'))
    home.setEnv('npm_config_fetch_retries', '0')
    const { code, stderr } = await home.start()
    assert.equal(code, 1)
    assert.match(stderr, /ECONNREFUSED/)
    assert.match(stderr, /fettle: bringing Node 24\.21\.0 failed\n\s+It ran: npm install .*@24\.21\.0/)
  })
})

describe('the launcher on a machine with Node 24 or newer', () => {
  test('uses that Node, needs no npm, and passes every argument and signal on', async t => {
    const home = await createLauncherHome(t, 'package')
    await home.addNode('26.0.0')
    const argv = ['wait', '', 'two words', '*', '--json']
    const start = home.spawn(argv)
    assert.ok(start.stdout)
    const [line] = await once(start.stdout.setEncoding('utf8'), 'data')
    const { pid, argv: passed } = JSON.parse(line)
    assert.equal(pid, start.pid, 'the launcher is replaced by the program')
    assert.deepEqual(passed, argv)
    start.kill('SIGTERM')
    assert.equal((await start.ended).code, 7)
  })

  test('starts through symlinks, as npm puts one on the PATH', async t => {
    const home = await createLauncherHome(t, 'package')
    await home.addNode('24.0.0')
    await symlink(home.path('fettle'), join(home.folder, 'absolute'))
    await symlink('absolute', join(home.folder, 'relative'))
    assert.deepEqual(said(await home.start(['x'], join(home.folder, 'relative'))).argv, ['x'])
  })

  test('chooses again when the Node of the last start is gone', async t => {
    const home = await createLauncherHome(t, 'package')
    await home.addNode('24.0.0')
    said(await home.start())
    await writeFile(home.path('.node/node-24'), `${join(home.folder, 'removed')}\n`)
    said(await home.start())
  })

  test('sets up in the cache of the user when its own folder can not be written', async t => {
    const home = await createLauncherHome(t, 'package')
    await home.addNode('24.0.0')
    await writeFile(home.path('.node'), 'a file, so that not even root can make the folder')
    said(await home.start())
    assert.ok(existsSync(join(home.folder, 'cache/fettle/node-24')))
  })
})

describe('the launcher in a checkout', () => {
  /** With an npm that installs nothing, but leaves what npm leaves. */
  async function checkout(t: Parameters<typeof createLauncherHome>[0]): Promise<LauncherHome> {
    const home = await createLauncherHome(t, 'checkout')
    await home.addNode('24.0.0')
    await addQuickNpm(home)
    return home
  }
  const addQuickNpm = (home: LauncherHome) =>
    home.addProgram(
      'npm',
      `echo "$1" >>'${join(home.folder, 'calls')}'\nmkdir -p '${home.path('node_modules')}'\n: >'${home.path('node_modules/.package-lock.json')}'`,
    )

  test('installs and builds at the first start, and neither at the second', async t => {
    const home = await checkout(t)
    const first = await home.start()
    said(first)
    assert.equal(first.stderr, 'fettle: installing dependencies\nfettle: building\n')
    const second = await home.start()
    said(second)
    assert.equal(second.stderr, '')
  })

  test('builds again when a source is newer than the build, but not for a test', async t => {
    const home = await checkout(t)
    said(await home.start())
    await setAge(home.path('src/main.test.ts'), 60)
    assert.equal((await home.start()).stderr, '')
    await setAge(home.path('src/main.ts'), 60)
    assert.equal((await home.start()).stderr, 'fettle: building\n')
  })

  test('installs and builds again when the lock file is newer', async t => {
    const home = await checkout(t)
    said(await home.start())
    await setAge(home.path('package-lock.json'), 60)
    assert.equal((await home.start()).stderr, 'fettle: installing dependencies\nfettle: building\n')
  })

  test('installs again after an install that was killed half way', async t => {
    const home = await checkout(t)
    await killInNpm(home, home.path('node_modules/half'))
    await addQuickNpm(home)
    const { code, stderr } = await home.start()
    assert.equal(code, 0)
    assert.match(stderr, /installing dependencies/)
  })

  test('leaves a node_modules alone that is a symlink to another checkout', async t => {
    const home = await checkout(t)
    await mkdir(join(home.folder, 'elsewhere'))
    await symlink(join(home.folder, 'elsewhere'), home.path('node_modules'))
    said(await home.start())
    assert.deepEqual(await home.calls(), [])
  })

  test('says who has to build when the checkout is stale and somebody else owns it', async t => {
    const home = await checkout(t)
    await writeFile(home.path('.node'), 'a file, so that not even root can make the folder')
    const { code, stderr } = await home.start()
    assert.equal(code, 1)
    assert.match(stderr, /missing or stale, and \w+ can not write there\n\s+Run .*fettle --version once as the owner/)
  })

  test('shows why a build failed', async t => {
    const home = await checkout(t)
    await writeFile(home.path('scripts/build.ts'), "throw new Error('no such module')")
    const { code, stderr } = await home.start()
    assert.equal(code, 1)
    assert.match(stderr, /Error: no such module[\s\S]*fettle: building failed/)
  })
})
