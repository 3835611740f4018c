/** What is asked for and can not be: said at once, by name, before anything is done. And what goes on is shown while it does. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { EnvironmentStatus } from '../../src/api/views.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

const PROGRAM = join(import.meta.dirname, '../../fettle')

const unknownApp = (argv: string[]): [string[], number, RegExp] => [
  [...argv, '--app', 'nope'],
  3,
  /nothing is known of an app nope\n→ `fettle status --all`/,
]

describe('fettle', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(assembleSmall)
  })
  after(() => site.close())

  test('shows a first deploy while it goes on', async () => {
    await site.edit('fettle.yaml', text => text.replace('app: small\n', 'app: small\nbuild: while [ ! -e go ]; do sleep 0.05; done\n'))
    const { operation } = await site.must(['deploy', '--detach'])
    const { environments } = await site.look<{ environments: EnvironmentStatus[] }>(['status'])
    assert.deepEqual(
      environments.map(({ app, state, release, operation }) => [app, state, release, operation?.id]),
      [['small', 'never deployed', undefined, operation.id]],
    )
    const { stdout } = await site.run(['status'])
    assert.doesNotMatch(stdout, /Nothing was deployed/)
    assert.equal((await site.run(['operations', 'cancel', operation.id])).code, 0)
    const { stdout: shown } = await site.run(['operations', 'show', operation.id])
    assert.match(shown, /it was cancelled/)
    assert.doesNotMatch(shown, /waiting for/)
    await site.edit('fettle.yaml', text => text.replace(/build: .*\n/, ''))
    await site.must(['deploy'])
  })

  test('asks before a second project of the same name takes the place of the first, and takes a moved one for the same', async () => {
    const other = join(site.folder, 'other')
    await cp(site.app, other, { recursive: true })
    await writeFile(join(other, 'version'), '2\n')
    const refused = await site.operate(['up'], { cwd: other })
    assert.deepEqual([refused.code, refused.error?.code], [5, 'REFUSED'])
    assert.match(
      refused.error?.message ?? '',
      new RegExp(`was deployed from ${site.app}, which is still there: this puts ${other} in its place`),
    )
    const moved = join(site.folder, 'moved')
    await cp(site.app, moved, { recursive: true })
    await rm(site.app, { recursive: true })
    await writeFile(join(moved, 'version'), '3\n')
    assert.equal((await site.operate(['up'], { cwd: moved })).code, 0)
    await cp(moved, site.app, { recursive: true })
    await rm(moved, { recursive: true })
  })

  const wrong: [string[], number, RegExp][] = [
    [['logs', '--service', 'nope'], 3, /small\/production has no service nope[\s\S]*It has: web\./],
    ...[['status'], ['releases'], ['snapshots'], ['operations'], ['logs'], ['backup'], ['drill'], ['restart'], ['stop'], ['down']].map(
      unknownApp,
    ),
    ...[['scale', 'web=2'], ['test'], ['rollback'], ['restore', 'newest'], ['doctor']].map(unknownApp),
    [['releases', '--app', 'small', '-e', 'prodcution'], 3, /small has no environment prodcution\n→ Did you mean production\?/],
    [['operations', '-e', 'nope'], 3, /has no environment "nope"\n→ It has: production\./],
    [['doctor', 'nope'], 3, /small has no environment nope/],
    [['logs', '-o', 'op99'], 3, /op99/],
    [['deploy', '--plan', '/nofile'], 3, /there is no plan \/nofile\n→ `fettle plan --out <file>` saves one/],
    [['plan', '--out', 'nodir/x.fettle-plan'], 3, /there is no folder .*nodir\n/],
    [['run', '-s', 'wbe', 'true'], 125, /no service wbe/],
    [['scale', 'web=0', '--yes'], 5, /web would have no instance[\s\S]*`fettle stop`/],
    [['scale', 'constructor=2', '--yes'], 3, /has no service constructor\n→ It has: web\./],
    [['scale', '__proto__=2', '--yes'], 2, /expected a service and a count/],
    [['help', 'nope'], 2, /unknown command 'nope'/],
    [['init', '/etc/passwd'], 2, /\/etc\/passwd is no folder/],
    [['init', 'nosuch'], 3, /there is no folder .*nosuch/],
    [['validate', 'pipe'], 2, /pipe is no regular file/],
  ]
  for (const [argv, exit, words] of wrong) {
    test(`refuses \`fettle ${argv.join(' ')}\` with ${exit}`, async () => {
      if (argv.includes('pipe')) execFileSync('mkfifo', [join(site.app, 'pipe')])
      const { code, stderr } = await site.run(argv)
      if (argv.includes('pipe')) await rm(join(site.app, 'pipe'))
      assert.equal(code, exit, stderr)
      assert.match(stderr, words)
      assert.doesNotMatch(stderr, /\n +at /)
    })
  }

  test('says that nothing was run where nothing was', async () => {
    const { stdout, stderr } = await site.run(['run', '-s', 'wbe', 'true'])
    assert.match(stdout + stderr, /nothing was run/)
  })

  test('names the environment that is not deployed, with the command that deploys that one', async () => {
    await site.edit('fettle.yaml', text => `${text}environments: { production: {}, staging: {} }\n`)
    for (const argv of [
      ['logs', 'staging'],
      ['restart', 'staging'],
      ['rollback', 'staging'],
    ]) {
      const { code, stderr } = await site.run(argv)
      assert.equal(code, 3, argv.join(' '))
      assert.match(stderr, /small\/staging runs no release\n→ `fettle deploy staging` makes one/)
    }
    await site.edit('fettle.yaml', text => text.replace(/^environments: .*\n/m, ''))
  })

  test('ends with 8 where its output can not be written', async () => {
    const full = openSync('/dev/full', 'w')
    const child = site.start(['status'], { output: full })
    const [code] = await once(child, 'close')
    closeSync(full)
    assert.equal(code, 8)
  })

  test('starts no agent to look, and says how to start one', async () => {
    assert.equal((await site.run(['agent', 'stop'])).code, 0)
    for (const argv of [['status'], ['logs'], ['test'], ['operations'], ['releases'], ['snapshots']]) {
      const { code, stderr } = await site.run(argv)
      assert.equal(code, 14, argv.join(' '))
      assert.match(stderr, /no agent runs[\s\S]*`fettle agent start`/)
    }
    const doctor = await site.run(['doctor'])
    assert.equal(doctor.code, 0)
    assert.match(doctor.stdout, /⚠ agent +no agent runs.*\n +→ `fettle agent start`/)
    assert.equal((await site.run(['status'])).code, 14, 'doctor starts none either')
    await site.run(['agent', 'start'])
  })

  test('changes nothing in a home of another user, and says whose it is not', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'fettle-other-'))
    t.after(() => rm(folder, { recursive: true }))
    const home = join(folder, 'home')
    await assembleSmall(join(folder, 'app'))
    // With an agent's folder that anybody may look into, and what an agent that could not start left there.
    await mkdir(join(home, 'agent'), { recursive: true })
    await writeFile(join(home, 'agent/failed.json'), '{}')
    await chmod(folder, 0o755)
    const asNobody = (...words: string[]) =>
      spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', PROGRAM, ...words], {
        cwd: join(folder, 'app'),
        env: { ...process.env, HOME: folder, FETTLE_HOME: home },
        encoding: 'utf8',
      })
    if (asNobody('--version').status !== 0) return t.skip('nobody else can be had who may run this program')
    for (const words of [
      ['deploy', '--yes'],
      ['agent', 'start'],
      ['secrets', 'list'],
    ]) {
      const { status, stderr } = asNobody(...words)
      assert.equal(status, 5, stderr)
      assert.match(stderr, /home is not open to this user\n→ Run fettle as the user whose home it is/)
    }
    assert.deepEqual(await readdir(home), ['agent'])
  })

  test('gives requests in flight as long as the services ask for that requests lead to', async () => {
    await mkdir(site.app, { recursive: true })
    await site.edit('fettle.yaml', text =>
      text.replace('routes:\n', '    stop: { drain: 3s }\n  idle:\n    run: sleep 3600\n    stop: { drain: 20s }\nroutes:\n'),
    )
    await site.must(['deploy'])
    const { plan } = await site.operate(['restart', '--dry-run'])
    assert.equal(plan.steps.find(({ id }) => id === 'retire')?.input.drainMs, 3000)
  })
})
