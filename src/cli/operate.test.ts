import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type FakeAgent, type Script, startFakeAgent } from '../../test/helpers/fake-agent.ts'
import { deployPlan, doneEvents, failedEvents, failure, operationRecord } from '../../test/helpers/fake-operation.ts'
import { runCli } from '../../test/helpers/run-cli.ts'
import type { Plan } from '../core/plan.ts'

async function agentWith(t: TestContext, script: Script): Promise<FakeAgent> {
  const agent = await startFakeAgent(script)
  t.after(() => agent.stop())
  await writeFile(join(agent.home, 'fettle.yaml'), 'app: guestbook\n')
  return agent
}

const deploying = (plan: Plan): Script => ({
  plan: () => plan,
  start: () => operationRecord(plan, 'running'),
  events: () => doneEvents(plan),
  operation: () => operationRecord(plan, 'done'),
})

const failing = (plan: Plan): Script => ({
  ...deploying(plan),
  events: () => failedEvents(),
  operation: () => operationRecord(plan, 'undone', { error: failure }),
})

describe('a command that changes the world', () => {
  it('--dry-run shows the plan and begins nothing, also of a command that is to run', async t => {
    const agent = await agentWith(t, deploying({ ...deployPlan(), kind: 'run' }))
    const ran = await runCli(['run', '--dry-run', 'echo', 'a'], agent)
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /2 start 3 instances of web\n/)
    assert.ok(!agent.calls.some(({ name }) => name === 'start'))
  })

  it('without a terminal: shows the plan, begins exactly it, and prints a line for every step', async t => {
    const agent = await agentWith(t, deploying(deployPlan()))
    const ran = await runCli(['deploy', 'production'], agent)
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /\+ secret SMTP_PASSWORD is new\n/)
    assert.match(ran.stdout, /2 start 3 instances of web\n {2}── point of no return ──\n {2}3 switch routes to r4/)
    assert.match(ran.stdout, / 1\.0 s {2}✓ build: npm ci \(0\.5 s\)\n/)
    assert.match(ran.stdout, /✓ deploy op12 done · 4\.2 s\n$/)
    const start = agent.calls.find(call => call.name === 'start')
    const request = { kind: 'deploy', file: join(agent.home, 'fettle.yaml'), environment: 'production', acceptUnproven: false }
    assert.deepEqual(start?.input, { basis: { source: 'b1' }, request })
  })

  it('that fails says what failed and why, that it is undone, and ends with the exit code of the failure', async t => {
    const agent = await agentWith(t, failing(deployPlan()))
    const ran = await runCli(['deploy'], agent)
    assert.equal(ran.code, 6)
    assert.match(ran.stdout, /✗ start 3 instances of web \(0\.5 s\): web\.0 of r4 did not become ready/)
    assert.match(
      ran.stderr,
      /✗ web\.0 of r4 did not become ready.*\n {2}│ Error: no such column: likes\n.*\n→ `fettle logs --operation op12`/,
    )
    assert.match(ran.stderr, /↩ deploy op12 failed; what it had done is undone/)
  })

  it('with --json prints the plan, every event and the final record, one a line', async t => {
    const agent = await agentWith(t, failing(deployPlan()))
    const ran = await runCli(['deploy', '--json'], agent)
    assert.equal(ran.code, 6)
    const records = ran.records()
    assert.deepEqual(records[0]?.type, 'plan')
    assert.deepEqual(records.slice(1, -1), JSON.parse(JSON.stringify(failedEvents())))
    const last = records.at(-1) as { type: string; operation: { error: unknown } }
    assert.equal(last.type, 'result')
    assert.deepEqual(last.operation.error, failure)
    assert.equal(ran.stderr, '')
  })

  it('that endangers data is refused without a terminal, and says the exact command', async t => {
    const agent = await agentWith(t, deploying(deployPlan({ confirm: '14 rows written since are lost' })))
    const refused = await runCli(['deploy', 'production'], agent)
    assert.equal(refused.code, 5)
    assert.match(refused.stderr, /14 rows written since are lost\n→ `fettle deploy production --yes` agrees\./)
    assert.ok(!agent.calls.some(call => call.name === 'start'))
    assert.equal((await runCli(['deploy', 'production', '--yes'], agent)).code, 0)
  })
})
