import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertNothingLeft } from '../../../../test/helpers/process-runtime.ts'

const isRoot = process.getuid?.() === 0
const NOBODY = 65_534

/**
 * Seen by nobody else: a mount in each of two folders, of which one can not be listed, and a file system that no overlay can lie over,
 * for it is an overlay of one already.
 */
const MOUNTS = `
cd "$0"
mkdir mounted closed closed/mounted closed/known stack
for folder in mounted closed/mounted stack; do mount -t tmpfs none $folder; done
chmod 777 closed/known
chmod 711 closed
(cd stack && mkdir low up work once up-again work-again twice && chmod 777 . up up-again &&
  mount -t overlay none -o lowerdir=low,upperdir=up,workdir=work once &&
  mount -t overlay none -o lowerdir=once,upperdir=up-again,workdir=work-again twice && chmod 777 twice)
exec "$@"
`

/** Where a sandbox has no folder of its own, if we may: else what is hidden there would not be seen to be. */
function makePlace(context: TestContext, uid: number | undefined): Record<'home' | 'source' | 'user', string> {
  const folder = mkdtempSync(join(isRoot ? '/srv' : tmpdir(), 'fettle-escape-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  const [home, source, user] = ['home', 'source', 'user'].map(name => join(folder, name)) as [string, string, string]
  for (const path of [home, source, user]) mkdirSync(path)
  writeFileSync(join(source, 'index.js'), 'real')
  for (const path of [folder, home, source, user, join(source, 'index.js')]) if (uid !== undefined) chownSync(path, uid, uid)
  return { home, source, user }
}

function attack(context: TestContext, uid?: number) {
  const { home, source, user } = makePlace(context, uid)
  const mounted = isRoot ? ['unshare', '--mount', 'sh', '-ec', MOUNTS, dirname(home)] : []
  const as = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']
  const [file = '', ...args] = [
    ...mounted,
    ...as,
    process.execPath,
    join(import.meta.dirname, '../../../../test/helpers/sandbox-attacker.ts'),
    home,
    source,
  ]
  const { status, stdout, stderr } = spawnSync(file, args, {
    encoding: 'utf8',
    cwd: '/',
    env: { ...process.env, ...(uid === undefined ? {} : { HOME: user }) },
  })
  assert.equal(status, 0, stderr)
  const report = JSON.parse(stdout)
  if (report.isolation === 'none') return context.skip(report.reason)
  const brought = Object.entries(report.found).filter(([, result]) => result !== 'refused')
  assert.deepEqual(brought, [], 'what came of the attempts to escape')
  assert.deepEqual(report.untouched, { pid: true, restarts: 0, launch: true }, 'the live service')
  assert.equal(report.own, 'changed\nprivate', 'it may write where it runs, and in a temporary folder')
  assert.deepEqual(report.files, { 'backups/snapshot': 'real', 'keys/shop.key': 'real', 'artifacts/code': 'real', 'scratch/row': 'kept\n' })
  assert.equal(readFileSync(join(source, 'index.js'), 'utf8'), 'real')
  for (const path of ['/etc', '/usr', '/var/lib', '', '/dev']) assert.ok(!existsSync(`${path}/fettle-escape`), path)
  assertNothingLeft(home)
}

test('a hostile release in a sandbox reaches no file, process, device, socket or power of the machine, as the user who runs the agent', context =>
  attack(context))

test('a hostile release in a sandbox reaches none of that either where the agent is no root', context => {
  if (!isRoot) return context.skip('the other test is this one')
  attack(context, NOBODY)
})
