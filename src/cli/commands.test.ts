import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { mountDisk, needsRoot } from '../../test/crash/small-disk.ts'
import { aboutFake, type FakeAgent, type Script, startFakeAgent } from '../../test/helpers/fake-agent.ts'
import { BEGAN, deployPlan, failure, operationRecord } from '../../test/helpers/fake-operation.ts'
import { runCli } from '../../test/helpers/run-cli.ts'
import type { EnvironmentStatus, SnapshotView } from '../api/views.ts'
import { FettleError } from '../core/errors.ts'
import { systemClock } from '../lib/clock.ts'

async function agentWith(t: TestContext, script: Script): Promise<FakeAgent & { clock: typeof systemClock }> {
  const agent = await startFakeAgent(script)
  t.after(() => agent.stop())
  await writeFile(join(agent.home, 'fettle.yaml'), 'app: guestbook\n')
  return { ...agent, clock: { ...systemClock, now: () => BEGAN } }
}

const labels = { app: 'guestbook', environment: 'production' }
const production: EnvironmentStatus = {
  ...labels,
  state: 'degraded',
  why: 'web.1 is backoff (exited 1)',
  release: 'r4',
  deployedAt: BEGAN - 180_000,
  trialUntil: BEGAN + 42_000,
  generation: 4,
  services: [
    {
      name: 'web',
      singleton: false,
      memory: { limitBytes: 256 * 1024 ** 2, enforced: 'polled' },
      group: {
        name: 'guestbook.production.web.r4-op12',
        labels,
        wanted: 2,
        instances: [
          { index: 0, state: 'ready', pid: 4711, startedAt: BEGAN - 170_000, restarts: 0, memoryBytes: 60 * 1024 ** 2 },
          { index: 1, state: 'backoff', restarts: 1200, lastExit: 'exited 1' },
        ],
      },
    },
  ],
  stores: [{ name: 'data', driver: 'sqlite', path: '/live/data.db', bytes: 2048 }],
  urls: ['http://guestbook.localhost:8080/'],
  counters: { activation: 'r4-op12', requests: 18_234, errors: 1, unanswered: 0, latency: { p50: 2.1, p95: 9, p99: 31 }, since: 0 },
  backup: { newestAt: BEGAN - 3_600_000, rung: 'stored' },
  operation: { id: 'op13', kind: 'backup', state: 'held' },
}

describe('status', () => {
  it('shows instances, stores, addresses, traffic, backups, the trial and what is held', async t => {
    const agent = await agentWith(t, { status: () => ({ agent: aboutFake('/h'), environments: [production] }) })
    const { code, stdout } = await runCli(['status'], agent)
    assert.equal(code, 0)
    assert.equal(
      stdout.split('\nagent ')[0],
      `◐ guestbook/production  degraded · r4, deployed 3 min ago
  web.1 is backoff (exited 1)
  http://guestbook.localhost:8080/
  SERVICE  STATE     PID     UP  RESTARTS                      MEMORY  LAST END
  web.0    ready    4711  2 min         0  60 MiB of 256 MiB (polled)
  web.1    backoff                  1,200                              exited 1
  STORE  KIND     SIZE  PATH
  data   sqlite  2 KiB  /live/data.db
  trial     42 s left
  traffic   18,234 requests, 1 error, p50 2.1 ms, p95 9 ms, p99 31 ms
  backup    1 h ago (stored), never proven by a restore
  operation backup op13 is held → \`fettle operations show op13\`
`,
    )
  })

  it('says when the agent would not return after a reboot', async t => {
    const about = {
      version: '0.1.0',
      build: 'source',
      pid: 1,
      home: '/h',
      startedAt: BEGAN - 5000,
      memoryBytes: 1024,
      address: 'http://127.0.0.1:8080',
    }
    const agent = await agentWith(t, { status: () => ({ agent: about, environments: [] }) })
    const { stdout } = await runCli(['status'], agent)
    assert.match(stdout, /Nothing was deployed yet\.\n→ `fettle up`[\s\S]*⚠ after a reboot it would not return → `fettle agent enable`/)
  })

  it('with --json gives exact times, and asks for one environment of one app', async t => {
    const agent = await agentWith(t, { status: () => ({ agent: aboutFake('/h'), environments: [production] }) })
    const ran = await runCli(['status', 'staging', '--json'], agent)
    assert.deepEqual((ran.json() as { environments: unknown[] }).environments, [JSON.parse(JSON.stringify(production))])
    const { input } = agent.calls.find(call => call.name === 'status') ?? {}
    assert.deepEqual(input, { file: join(agent.home, 'fettle.yaml'), environment: 'staging' })
    await runCli(['status', '--all'], agent)
    assert.deepEqual(agent.calls.findLast(call => call.name === 'status')?.input, {})
  })
})

describe('snapshots', () => {
  it('stay a table where one failed: the whole reason stands below it', async t => {
    const why = `snapshot s2: stored object 5f is not what it was written with: ${'x'.repeat(120)} (op7)`
    const one: SnapshotView = {
      id: 's1',
      label: 'by hand',
      release: 'r4',
      takenAt: BEGAN - 3_600_000,
      skewMs: 2,
      storedBytes: 2048,
      stores: [{ name: 'data', driver: 'sqlite', rows: 3, reused: false }],
      rung: 'stored',
      proofs: [],
      notes: [],
    }
    const found = { snapshots: [{ ...one, id: 's2', failed: why }, one], foreign: [], unreadable: [], absent: ['/mnt/a is not there'] }
    const agent = await agentWith(t, { snapshots: () => found })
    const { stdout } = await runCli(['snapshots'], agent)
    assert.match(stdout, /^SNAPSHOT +TAKEN +PROOF .*\ns2 +1 h ago +failed +2/)
    assert.ok(stdout.includes(`✗ s2 failed: ${why}\n⚠ /mnt/a is not there\n`), stdout)
  })
})

describe('operations', () => {
  it('lists, with the reason of each that failed', async t => {
    const plan = deployPlan()
    const agent = await agentWith(t, {
      operations: () => ({
        operations: [operationRecord(plan, 'running', { id: 'op13' }), operationRecord(plan, 'undone', { error: failure })],
      }),
    })
    const { stdout } = await runCli(['operations', '--limit', '2'], agent)
    assert.match(
      stdout,
      /^ID +WHAT +WHERE +STATE +BEGAN +TOOK +WHY\nop13 +deploy +guestbook\/production +running +just now\nop12 .* failed +just now +4\.2 s +web\.0 of r4/,
    )
    assert.equal(agent.calls.at(-1)?.input.limit, 2)
  })

  it('resume, back or forward, follows; an operation that stays held ends with 11', async t => {
    const held = operationRecord(deployPlan(), 'held', { error: { ...failure, code: 'HELD' } })
    const events = () => [{ seq: 1, operation: 'op12', at: BEGAN, type: 'operation' as const, state: 'held' as const }]
    const agent = await agentWith(t, { resume: () => held, events, operation: () => held })
    const ran = await runCli(['operations', 'resume', '12', '--back'], agent)
    assert.equal(ran.code, 11)
    assert.match(ran.stderr, /deploy op12 is held: what serves keeps serving/)
    assert.deepEqual(agent.calls.find(call => call.name === 'resume')?.input, { id: 'op12', direction: 'back' })
  })

  it('follow goes on where it was when the agent comes back', async t => {
    const plan = deployPlan()
    const first = { seq: 1, operation: 'op12', at: BEGAN, type: 'operation' as const, state: 'running' as const }
    const rest = [
      { seq: 2, operation: 'op12', at: BEGAN + 100, type: 'step' as const, step: 'build', state: 'done' as const, attempt: 1 },
      { seq: 3, operation: 'op12', at: BEGAN + 200, type: 'operation' as const, state: 'done' as const },
    ]
    async function* dying() {
      yield first
      throw new Error('killed')
    }
    let asked = 0
    const agent = await agentWith(t, {
      operation: () => operationRecord(plan, asked === 0 ? 'running' : 'done'),
      events: () => (asked++ === 0 ? dying() : rest),
    })
    const ran = await runCli(['operations', 'follow', 'op12'], agent)
    assert.equal(ran.code, 0, ran.stderr)
    assert.equal(ran.stdout.match(/✓ build: npm ci/g)?.length, 1)
    assert.deepEqual(
      agent.calls.filter(call => call.name === 'events').map(call => call.input.after),
      [0, 1],
    )
  })
})

describe('secrets', () => {
  const view = { name: 'TOKEN', version: 2, setAt: BEGAN - 60_000, external: false, declared: true }

  it('set takes the value from standard input, without its last line end', async t => {
    const agent = await agentWith(t, { setSecret: () => ({ secrets: [view], needed: ['TOKEN'] }) })
    const ran = await runCli(['secrets', 'set', 'TOKEN', '--rotated', '-e', 'staging'], { ...agent, stdin: 's3cret\nline two\n' })
    assert.equal(ran.code, 0, ran.stderr)
    const { value, rotated, environment } = agent.calls.at(-1)?.input ?? {}
    assert.deepEqual({ value, rotated, environment }, { value: 's3cret\nline two', rotated: true, environment: 'staging' })
    assert.doesNotMatch(ran.stdout + ran.stderr, /s3cret/)
  })

  it('set of a name that the file does not know sets it, says that nothing uses it, and names the one that was meant', async t => {
    const agent = await agentWith(t, { setSecret: () => ({ secrets: [{ ...view, name: 'TOKNE', declared: false }], needed: ['TOKEN'] }) })
    const ran = await runCli(['secrets', 'set', 'TOKNE'], { ...agent, stdin: 's3cret and more' })
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(
      ran.stdout,
      /TOKNE is set, version 2.*\n! fettle.yaml neither declares TOKNE nor [\s\S]*Did you mean TOKEN\?\n.*`fettle secrets remove TOKNE`/,
    )
  })

  it('list names what the file needs and nobody set', async t => {
    const agent = await agentWith(t, { secrets: () => ({ secrets: [view], needed: ['TOKEN', 'SMTP_PASSWORD'] }) })
    assert.match((await runCli(['secrets', 'list'], agent)).stdout, /SMTP_PASSWORD is not set.*`fettle secrets set SMTP_PASSWORD`/)
  })

  it('set refuses a value among the arguments, and does not repeat it', async t => {
    const agent = await agentWith(t, {})
    for (const words of [['TOKEN', 's3cret'], ['TOKEN=s3cret']]) {
      const ran = await runCli(['secrets', 'set', ...words], agent)
      assert.equal(ran.code, 2)
      assert.match(ran.stderr, /the value of TOKEN is not taken from the command line.*\n→ `fettle secrets set TOKEN` asks for it/)
      assert.doesNotMatch(ran.stderr, /s3cret/)
    }
    assert.equal((await runCli(['secrets', 'set', 'TOKEN'], agent)).code, 2, 'an empty value')
    assert.deepEqual(agent.calls, [])
  })
})

describe('what is asked of the agent', () => {
  const cases: [string[], Record<string, unknown>][] = [
    [['rollback', 'r3'], { kind: 'rollback', release: 'r3', data: 'keep' }],
    [['rollback', 'staging', 'r3', '--data', 's1'], { kind: 'rollback', environment: 'staging', release: 'r3', data: 's1' }],
    [['scale', 'staging', 'web=3', 'admin=0'], { kind: 'scale', environment: 'staging', instances: { web: 3, admin: 0 } }],
    [['scale', 'web=3'], { kind: 'scale', instances: { web: 3 } }],
    [
      ['run', '-e', 'staging', 'node', 'seed.js', '--yes', '-e', 'x'],
      { kind: 'run', environment: 'staging', argv: ['node', 'seed.js', '--yes', '-e', 'x'] },
    ],
    [['restore', 's1', '--store', 'data', '--to', 'copy'], { kind: 'restore', snapshot: 's1', stores: ['data'], to: 'copy' }],
    [['drill'], { kind: 'drill', snapshot: 'newest' }],
    [['backup', 'staging', '-l', 'before the move'], { kind: 'backup', environment: 'staging', label: 'before the move' }],
    [['restart', 'staging'], { kind: 'restart', environment: 'staging' }],
    [['up', 'staging'], { kind: 'deploy', environment: 'staging', acceptUnproven: false }],
    [['deploy', '--rehearse', 'off'], { kind: 'deploy', rehearse: 'off', acceptUnproven: false }],
  ]
  for (const [argv, expected] of cases) {
    it(`fettle ${argv.join(' ')}`, async t => {
      const agent = await agentWith(t, { plan: () => deployPlan({ empty: true, steps: [] }) })
      const ran = await runCli(argv, agent)
      assert.equal(ran.code, 0, ran.stderr)
      const file = join(agent.home, 'fettle.yaml')
      const to = 'to' in expected ? { to: join(agent.home, String(expected.to)) } : {}
      // Where its input comes from and its output goes to are other places each time.
      const { stdin: _stdin, output: _output, ...asked } = (agent.calls.at(-1)?.input.request ?? {}) as Record<string, unknown>
      assert.deepEqual(asked, { file, ...expected, ...to })
    })
  }
})

describe('logs', () => {
  const line = (service: string, index: number, text: string) => ({
    unit: `guestbook.production.${service}.r4-op12.${index}`,
    labels: { ...labels, service, release: 'r4' },
    at: BEGAN,
    text,
    cursor: `${service}${index}`,
  })

  it('have a time and a unit each, aligned, and nothing that moves the cursor', async t => {
    const agent = await agentWith(t, { logs: () => [line('web', 0, 'hello'), line('scheduler', 0, 'a\u001b[2Jb'), line('web', 1, 'bye')] })
    const { stdout } = await runCli(['logs', '-n', '3', '--since', '10m', '--service', 'web'], agent)
    const texts = stdout.split('\n').map(text => text.replace(/^\d\d:\d\d:\d\d\.\d{3} /, ''))
    assert.deepEqual(texts, ['web.0 r4 │ hello', 'scheduler.0 r4 │ ab', 'web.1 r4       │ bye', ''])
    const { lines, service, sinceMs, follow } = agent.calls.at(-1)?.input ?? {}
    assert.deepEqual({ lines, service, sinceMs, follow }, { lines: 3, service: 'web', sinceMs: BEGAN - 600_000, follow: false })
  })

  it('tell whose words they are where releases, runs of one release and rehearsals mix', async t => {
    const of = (release: string, activation: string) => ({
      ...line('web', 0, 'said'),
      unit: `guestbook.production.web.${activation}.0`,
      labels: { ...labels, service: 'web', release },
    })
    const said = [of('r4', 'r4-op12'), of('r5', 'op13-rehearse-boot'), of('r5', 'r5-op13'), of('r4', 'r4-op14'), of('r4', 'r4-op12')]
    const agent = await agentWith(t, { logs: () => said })
    const { stdout } = await runCli(['logs'], agent)
    const names = [...stdout.matchAll(/(web\.0 \S+) +│ said/g)].map(([, name]) => name)
    assert.deepEqual(names, ['web.0 r4', 'web.0 op13-rehearse-boot', 'web.0 r5', 'web.0 r4-op14', 'web.0 r4'])
  })
})

describe('doctor', () => {
  it('shows each finding with what mends it, and ends with 13 when something fails', async t => {
    const items = [
      { name: 'isolation', state: 'fail' as const, text: 'no network namespace', fix: 'sysctl kernel.unprivileged_userns_clone=1' },
    ]
    const agent = await agentWith(t, { doctor: () => ({ ok: false, items }) })
    const ran = await runCli(['doctor'], agent)
    assert.equal(ran.code, 13)
    assert.match(ran.stdout, /✓ node .*\n[\s\S]*✗ isolation +no network namespace\n +→ sysctl kernel[\s\S]*1 to mend\.\n$/)
  })

  it('asks the agent that runs though the disk is nearly full', { skip: needsRoot() }, async t => {
    const disk = await mkdtemp(join(tmpdir(), 'fettle-small-'))
    await mountDisk(disk, 50)
    const script: Script = { doctor: () => ({ ok: true, items: [{ name: 'operations', state: 'ok', text: 'none is held' }] }) }
    const agent = await startFakeAgent(script, join(disk, 'home'))
    t.after(() => agent.stop())
    const { stdout, code } = await runCli(['doctor'], agent)
    assert.match(stdout, /✗ disk [\s\S]*✓ agent [\s\S]*✓ operations [\s\S]*\n1 to mend/)
    assert.equal(code, 13)
  })

  it('works where no agent can be started, and says so', async () => {
    const ran = await runCli(['doctor', '--json'], { home: '/dev/null/fettle' })
    assert.equal(ran.code, 13)
    const { items } = ran.json() as { items: { name: string; state: string }[] }
    assert.equal(items.find(item => item.name === 'agent')?.state, 'fail')
    assert.equal(items.find(item => item.name === 'node')?.state, 'ok')
  })
})

it('an error of the agent keeps its exit code, hint and what it printed', async t => {
  const agent = await agentWith(t, {
    plan() {
      throw new FettleError('BUSY', 'backup op9 runs there', {
        hint: '`fettle operations follow op9` shows it.',
        context: { tail: 'copying\n12 of 40' },
      })
    },
  })
  const ran = await runCli(['deploy'], agent)
  assert.equal(ran.code, 4)
  assert.equal(ran.stderr, '✗ backup op9 runs there\n  │ copying\n  │ 12 of 40\n→ `fettle operations follow op9` shows it.\n')
})
