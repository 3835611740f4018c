import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { startFakeAgent } from '../../test/helpers/fake-agent.ts'
import { deployPlan, operationRecord } from '../../test/helpers/fake-operation.ts'
import { runCli } from '../../test/helpers/run-cli.ts'
import { FettleError } from '../core/errors.ts'
import { agentEnvironment } from '../lib/inherited.ts'
import { connect } from './agent.ts'

async function temporaryHome(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'fettle-cli-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  return home
}

/** An agent that holds the home alone, as the journal's lock does, and answers `about`. */
const PROGRAM = `
  const { createServer } = require('node:http'); const { openSync } = require('node:fs'); const { join } = require('node:path')
  const home = process.argv[process.argv.indexOf('--home') + 1]
  try { openSync(join(home, 'lock'), 'wx') } catch { console.error('another agent works with it'); process.exit(4) }
  const about = { version: '0.1.0', pid: process.pid, home, startedAt: 0, memoryBytes: 0, address: process.env.SHELL_TOKEN ?? 'none' }
  createServer((request, response) => response.end(JSON.stringify(about))).listen(join(home, 'agent', 'api.sock'))
`

async function program(home: string, text: string): Promise<string> {
  const path = join(home, 'program.cjs')
  await writeFile(path, text)
  return path
}

it('an agent is started where none runs; two command lines at once find the same one', async t => {
  const home = await temporaryHome(t)
  const options = { start: true, env: { ...process.env, SHELL_TOKEN: 'secret' }, program: await program(home, PROGRAM) }
  const both = await Promise.all([connect(home, options), connect(home, options)])
  const [first, second] = both.map(({ about }) => about)
  t.after(() => process.kill(first?.pid ?? 0))
  assert.equal(first?.pid, second?.pid)
  assert.equal(first?.address, 'none', "the shell's own variables stay with the shell")
  assert.equal((await connect(home, { ...options, start: false })).started, false)
})

it('an agent that ends at its start is told with its exit status and the end of its log', async t => {
  const home = await temporaryHome(t)
  const options = { start: true, env: process.env, program: await program(home, "console.error('no such module'); process.exit(9)") }
  await assert.rejects(connect(home, options), (error: unknown) => {
    assert.ok(error instanceof FettleError)
    assert.equal(error.code, 'AGENT_UNREACHABLE')
    assert.match(error.message, /it ended with status 9/)
    assert.deepEqual(error.context?.log, ['no such module'])
    return true
  })
  assert.equal(await readFile(join(home, 'agent', 'agent.log'), 'utf8'), 'no such module\n')
})

it('a home whose socket would be too long is refused before anything is made', async () => {
  const ran = await runCli(['agent', 'start'], { home: `/tmp/${'x'.repeat(120)}` })
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /a unix socket's path may have 10[37] bytes.*\n→ Choose a shorter folder with --home or FETTLE_HOME/)
})

it('an agent of another version is named on standard error, and the command goes on', async t => {
  const agent = await startFakeAgent({
    about: () => ({ version: '0.0.9', build: 'b', pid: 1, home: '/', startedAt: 0, memoryBytes: 0, address: 'http://127.0.0.1:1' }),
  })
  t.after(() => agent.stop())
  const ran = await runCli(['agent', 'status'], agent)
  assert.equal(ran.code, 0)
  assert.match(ran.stderr, /the agent is fettle 0\.0\.9, this is fettle .* → `fettle agent upgrade`/)
})

it('an agent of a newer version is not replaced by an older one unasked', async t => {
  const agent = await startFakeAgent({
    about: () => ({ version: '99.0.0', build: 'b', pid: 1, home: '/', startedAt: 0, memoryBytes: 0, address: 'http://127.0.0.1:1' }),
  })
  t.after(() => agent.stop())
  assert.match((await runCli(['agent', 'status'], agent)).stderr, /the agent is fettle 99\.0\.0, this is fettle .* → update this one/)
  const ran = await runCli(['agent', 'upgrade'], agent)
  assert.equal(ran.code, 5)
  assert.match(ran.stderr, /fettle 99\.0\.0, which is newer than this fettle .*\n→ .*--downgrade/)
})

it('what an agent takes from the environment when it starts is said not to count where one runs', async t => {
  const agent = await startFakeAgent({})
  t.after(() => agent.stop())
  const quiet = await runCli(['agent', 'start'], agent)
  const ran = await runCli(['agent', 'start'], { ...agent, env: { FETTLE_HTTP: '127.0.0.1:1' } })
  const same = await runCli(['agent', 'start'], { ...agent, env: { FETTLE_HTTP: '127.0.0.1:8080' } })
  assert.deepEqual([quiet.stderr, same.stderr], ['', ''])
  assert.match(ran.stderr, /FETTLE_HTTP counts only when an agent starts → `fettle agent stop`/)
})

it('to end everything is asked with the operations that this breaks off, each with the step that it is at', async t => {
  const plan = deployPlan()
  const running = operationRecord(plan, 'running', { steps: [{ id: 'build', state: 'running', attempt: 1, adopted: false }] })
  const agent = await startFakeAgent({ operations: () => ({ operations: [running, operationRecord(plan, 'done', { id: 'op9' })] }) })
  t.after(() => agent.stop())
  const ran = await runCli(['agent', 'stop', '--everything'], agent)
  assert.equal(ran.code, 5)
  assert.match(
    ran.stderr,
    /ending every service, and breaking off deploy op12 of guestbook\/production \(build: npm ci\) needs to be agreed to/,
  )
})

it('commands that look start no agent', async t => {
  const home = await temporaryHome(t)
  for (const argv of [['status'], ['operations'], ['agent', 'status'], ['agent', 'stop']]) {
    const ran = await runCli(argv, { home })
    assert.equal(ran.code, 14, argv.join(' '))
    assert.match(ran.stderr, /no agent runs for .*\n→ `fettle agent start` starts it/)
  }
})

it('only what a service may depend on is handed to the agent', () => {
  const env = {
    PATH: '/bin',
    LANG: 'C',
    FETTLE_HOME: '/h',
    AWS_SECRET_ACCESS_KEY: 's',
    npm_config__auth: 's',
    https_proxy: 'p',
    FORCE_COLOR: '1',
  }
  assert.deepEqual(agentEnvironment(env), { PATH: '/bin', LANG: 'C', FETTLE_HOME: '/h', https_proxy: 'p' })
})
