/** `fettle run` at a real terminal: a session of the command's own. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { OperationRecord } from '../../src/core/plan.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'
import { startTerminal, type Terminal } from '../helpers/terminal.ts'

describe('a command of fettle run at a terminal', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => assembleSmall(into, 'secrets: [TOKEN]\n'))
    await site.edit('fettle.yaml', text => text.replace('"${release}" }', '"${release}", TOKEN: "${secrets.TOKEN}" }'))
    assert.equal((await site.run(['secrets', 'set', 'TOKEN'], { stdin: 'Name: kX9/3fQz' })).code, 0)
    await site.must(['deploy'])
  })
  after(() => site.close())

  const run = (t: TestContext, ...argv: string[]): Terminal => {
    const terminal = startTerminal(['run', '--file', site.app, ...argv], { home: site.home, env: { TMPDIR: site.folder } })
    t.after(() => terminal.kill())
    return terminal
  }
  const last = async (): Promise<OperationRecord | undefined> =>
    (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations[0]

  test('has a terminal of its own, of the same kind and size, takes keys, and fettle exits as it does', async t => {
    const terminal = run(t, 'sh')
    await terminal.shows(/[$#]$/)
    terminal.press('test -t 0 && test -t 1 && test -t 2 && echo "$TERM $(stty size)"\r')
    await terminal.shows(/^xterm-256color 30 90$/m)
    terminal.press('exit 7\r')
    assert.equal(await terminal.exit, 7)
    assert.doesNotMatch(terminal.screen(), /exited/)
    assert.equal((await last())?.state, 'done')
    assert.deepEqual(
      readdirSync(site.folder).filter(name => name.startsWith('fettle-')),
      [],
    )
  })

  test('gets Ctrl-C itself, and is told of a new size', async t => {
    const terminal = run(t, 'sh', '-c', `trap 'echo interrupted' INT; trap 'stty size' WINCH; echo here; while :; do sleep 0.1; done`)
    await terminal.shows(/^here/m)
    terminal.press('\u0003')
    await terminal.shows(/\^Cinterrupted$/m)
    terminal.resize(100, 40)
    await terminal.shows(/^40 100/m)
    terminal.press('\u001c') // SIGQUIT
    assert.equal(await terminal.exit, 131)
  })

  test('shows what may be the beginning of a secret before more comes, and hides a secret', async t => {
    const terminal = run(t, 'sh', '-c', 'printf "Name: k"; read -r name; echo "$name is not $TOKEN"')
    await terminal.shows(/^Name: k$/m)
    terminal.press('Ada\r')
    assert.equal(await terminal.exit, 0)
    assert.match(
      terminal.screen(),
      /^Ada is not ••••\na secret was hidden in what it printed, once → `--raw` passes everything on as it is$/m,
    )
    const raw = run(t, '--raw', 'sh', '-c', 'echo "$TOKEN"')
    assert.equal(await raw.exit, 0)
    assert.match(raw.screen(), /^Name: kX9\/3fQz$/m)
    assert.doesNotMatch(raw.screen(), /hidden/)
  })

  test('ends when its terminal goes', async t => {
    const terminal = run(t, 'sh', '-c', `trap '' HUP; echo here; while :; do sleep 0.1; done`)
    await terminal.shows(/^here/m)
    const operation = await last()
    terminal.hangUp()
    await site.run(['operations', 'follow', operation?.id ?? ''])
    assert.equal((await site.operation(operation?.id ?? '')).state, 'undone')
  })
})
