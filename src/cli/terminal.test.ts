import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type FakeAgent, type Script, startFakeAgent } from '../../test/helpers/fake-agent.ts'
import { deployPlan, type EventChannel, eventChannel, failure, operationRecord } from '../../test/helpers/fake-operation.ts'
import { startTerminal, type Terminal, type TerminalOptions } from '../../test/helpers/terminal.ts'
import type { OperationState, Plan } from '../core/plan.ts'

interface Stage {
  agent: FakeAgent
  events: EventChannel
  terminal: Terminal
  calls(name: string): Record<string, unknown>[]
  /** How `operation` answers from now on. */
  end(state: OperationState): void
}

async function stage(
  t: TestContext,
  argv: string[],
  options: Partial<TerminalOptions> & { plan?: Plan; script?: Script } = {},
): Promise<Stage> {
  const plan = options.plan ?? deployPlan()
  const events = eventChannel()
  let state: OperationState = 'running'
  const createdAt = Date.now()
  const record = () => operationRecord(plan, state, { createdAt, ...(state === 'undone' ? { error: failure } : {}) })
  const agent = await startFakeAgent({
    plan: () => plan,
    start: record,
    operation: record,
    cancel: record,
    events: () => events,
    ...options.script,
  })
  await writeFile(join(agent.home, 'fettle.yaml'), 'app: guestbook\n')
  const terminal = startTerminal(argv, { ...options, home: agent.home })
  t.after(async () => {
    await terminal.kill()
    await agent.stop()
  })
  const calls = (name: string) => agent.calls.filter(call => call.name === name).map(call => call.input)
  return {
    agent,
    events,
    terminal,
    calls,
    end(ended) {
      state = ended
      events.send({ type: 'operation', state: ended })
    },
  }
}

const running = (step: string) => ({ type: 'step', step, state: 'running', attempt: 1 }) as const
const done = (step: string) => ({ type: 'step', step, state: 'done', attempt: 1 }) as const

/** The spinner turns: the operation is followed. */
const BUILDING = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] build: npm ci/

describe('a deploy at a terminal', () => {
  it('asks under the plan, and the steps come alive where they were shown', async t => {
    const { terminal, events, end, calls } = await stage(t, ['deploy'])
    const asked = await terminal.shows(/Carry it out\? \[Y\/n\]/)
    assert.match(asked, /○ build: npm ci\n {2}○ start 3 instances of web\n {2}── point of no return ──\n {2}○ switch routes to r4/)
    assert.equal(calls('start').length, 0)
    terminal.press('y')
    events.send({ type: 'operation', state: 'running' }, running('build'), {
      type: 'log',
      step: 'build',
      text: 'added 12 \u001b[31mpackages\u001b[0m',
    })
    events.send({ type: 'progress', step: 'build', text: 'modules', done: 25, total: 100 })
    const building = await terminal.shows(/added 12 packages/)
    assert.match(building, / build: npm ci.*\n {6}modules █████░{15} {2}25 %\n {6}│ added 12 packages\n {2}○ start 3/)
    assert.ok(!building.includes('Carry it out?'))
    events.send(done('build'), running('start'), done('start'), running('switch'), done('switch'), running('drain'), done('drain'))
    end('done')
    assert.equal(await terminal.exit, 0)
    const screen = terminal.screen()
    assert.match(screen, /✓ build: npm ci +0\.3 s\n {2}✓ start 3 instances of web +0\.1 s\n {2}── point/)
    assert.match(screen, /✓ deploy op12 done/)
    assert.equal(screen.match(/build: npm ci/g)?.length, 1, 'the plan and the tree are one')
  })

  it('changes nothing when the answer is no', async t => {
    const { terminal, calls } = await stage(t, ['deploy'])
    await terminal.shows(/Carry it out/)
    terminal.press('n')
    assert.equal(await terminal.exit, 0)
    assert.match(terminal.screen(), /\[Y\/n\] no\nNothing was changed\./)
    assert.equal(calls('start').length, 0)
  })

  it('that may lose data goes on only when the name of the environment is typed', async t => {
    const plan = deployPlan({ confirm: '14 rows are lost' })
    const refused = await stage(t, ['deploy'], { plan })
    await refused.terminal.shows(/⚠ 14 rows are lost[\s\S]*Type production to go on:/)
    refused.terminal.press('yes\r')
    assert.equal(await refused.terminal.exit, 0)
    assert.equal(refused.calls('start').length, 0)
    const agreed = await stage(t, ['deploy'], { plan })
    await agreed.terminal.shows(/Type production/)
    agreed.terminal.press('productiom\u007fn\r')
    agreed.end('done')
    assert.equal(await agreed.terminal.exit, 0)
    assert.equal(agreed.calls('start').length, 1)
  })

  it('shows the part around what goes on where the terminal is too low for all of it', async t => {
    const steps = Array.from({ length: 40 }, (_, index) => ({
      id: `s${index}`,
      kind: 'x@1',
      title: `step number ${index}`,
      input: {},
      after: [],
    }))
    const { terminal, events } = await stage(t, ['deploy', '--yes'], { plan: deployPlan({ steps }), rows: 12, columns: 60 })
    events.send({ type: 'operation', state: 'running' }, ...steps.slice(0, 20).map(step => done(step.id)), running('s20'))
    const screen = await terminal.shows(/… 1\d before\n[\s\S]*✓ step number 19[\s\S]*○ step number 21[\s\S]*… \d+ more/)
    assert.ok(screen.split('\n').length <= 12)
  })
})

describe('Ctrl-C while a deploy is followed', () => {
  it('asks, and Enter goes on following', async t => {
    const { terminal, events, end } = await stage(t, ['deploy', '--yes'])
    events.send({ type: 'operation', state: 'running' }, running('build'))
    await terminal.shows(BUILDING)
    terminal.press('\u0003')
    await terminal.shows(/\[Enter\] go on following {2}· {2}\[d\] detach.*\[c\] cancel it\n {2}detaches in 10 s/)
    terminal.press('\r')
    await terminal.shows(/drain and stop r3$/)
    end('done')
    assert.equal(await terminal.exit, 0)
  })

  it('detaches at d, says how to follow on, and leaves the operation alone', async t => {
    const { terminal, events, calls } = await stage(t, ['deploy', '--yes'])
    events.send({ type: 'operation', state: 'running' }, running('build'))
    await terminal.shows(BUILDING)
    terminal.press('\u0003')
    await terminal.shows(/\[d\] detach/)
    terminal.press('d')
    assert.equal(await terminal.exit, 130)
    assert.match(terminal.screen(), /deploy op12 goes on by itself\.\n→ `fettle operations follow op12` shows it\./)
    assert.equal(calls('cancel').length, 0)
  })

  it('cancels at c, at a second c breaks off what that waits for, and follows until what was done is undone', async t => {
    const { terminal, events, end, calls } = await stage(t, ['deploy', '--yes'])
    events.send({ type: 'operation', state: 'running' }, running('build'))
    await terminal.shows(BUILDING)
    terminal.press('\u0003')
    await terminal.shows(/\[c\] cancel it/)
    terminal.press('c')
    await terminal.shows(/cancelling/)
    terminal.press('\u0003')
    await terminal.shows(/\[c\] break off what it waits for/)
    terminal.press('c')
    await terminal.shows(/cancelling/)
    assert.deepEqual(calls('cancel'), [
      { id: 'op12', now: false },
      { id: 'op12', now: true },
    ])
    events.send({ type: 'operation', state: 'undoing' }, { type: 'step', step: 'build', state: 'undone', attempt: 1 })
    end('undone')
    assert.equal(await terminal.exit, 6)
    assert.match(terminal.screen(), /↩ build: npm ci.*undone/)
  })
})

describe('a terminal', () => {
  it('that goes away leaves the operation to itself', async t => {
    const { terminal, events, calls } = await stage(t, ['deploy', '--yes'])
    events.send({ type: 'operation', state: 'running' }, running('build'))
    await terminal.shows(BUILDING)
    terminal.hangUp()
    await events.abandoned
    assert.equal(calls('cancel').length, 0)
  })

  it('without UTF-8 gets plain ASCII', async t => {
    const { terminal, events, end } = await stage(t, ['deploy', '--yes'], { env: { LANG: 'C' } })
    events.send({ type: 'operation', state: 'running' }, running('build'), done('build'))
    end('done')
    assert.equal(await terminal.exit, 0)
    assert.doesNotMatch(terminal.output(), /\P{ASCII}/u)
    assert.match(terminal.screen(), /\+ build: npm ci/)
  })

  it('never shows a secret that is typed', async t => {
    const { terminal, calls } = await stage(t, ['secrets', 'set', 'TOKEN'], {
      script: { setSecret: ({ name }) => ({ secrets: [{ name, version: 3, setAt: 0, external: false, declared: true }], needed: [name] }) },
    })
    await terminal.shows(/Value of TOKEN \(not shown\):/)
    terminal.press('hunter3\u007f2\r')
    assert.equal(await terminal.exit, 0)
    assert.doesNotMatch(terminal.output(), /hunter/)
    assert.match(terminal.screen(), /✓ TOKEN is set, version 3/)
    assert.equal(calls('setSecret')[0]?.value, 'hunter2')
  })
})
