/** The agent is killed inside every effect; the next one does the same again, and all is as if nothing had happened. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { processStat } from '../../src/drivers/runtimes/process/proc.ts'
import { command, group, instance, never, openRuntime, processesOf, server } from '../helpers/process-runtime.ts'
import type { Deed } from '../helpers/runtime-agent.ts'

const AGENT = join(import.meta.dirname, '../helpers/runtime-agent.ts')

/** @returns the signal that ended it */
function act(home: string, deed: Deed, point = 'none'): string | null {
  const { signal, status, stderr } = spawnSync(process.execPath, [AGENT, home, deed, point], { encoding: 'utf8' })
  assert.ok(signal === 'SIGKILL' || status === 0, `${deed} at ${point}: ${stderr}`)
  return signal
}

const newHome = () => mkdtemp(join(tmpdir(), 'fettle-process-'))
const appsOf = (home: string) => processesOf(home).filter(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(server[2] ?? ''))

describe('an agent that is killed', () => {
  for (const point of ['apply:folder-written', 'apply:spawned']) {
    test(`at ${point}: every instance runs, and runs once`, async context => {
      const home = await newHome()
      assert.equal(act(home, 'apply', point), 'SIGKILL')
      const { runtime } = await openRuntime(context, { home })
      await runtime.apply(group({ instances: 2, cwd: home }), never)
      assert.equal((await runtime.ready('web', never)).length, 2)
      assert.equal(appsOf(home).length, 2)
    })
  }

  test('after an apply: what runs goes on, untouched', async context => {
    const home = await newHome()
    act(home, 'apply')
    const apps = appsOf(home)
    const { runtime } = await openRuntime(context, { home })
    await runtime.apply(group({ instances: 2, cwd: home }), never)
    await runtime.ready('web', never)
    assert.deepEqual(appsOf(home), apps)
  })

  for (const point of ['run:folder-written', 'run:spawned']) {
    test(`at ${point}: the command runs once, and its result is true`, async context => {
      const home = await newHome()
      assert.equal(act(home, 'run', point), 'SIGKILL')
      const { runtime } = await openRuntime(context, { home })
      const result = await runtime.run(command(['sh', '-c', 'echo x >>runs; exit 9'], { cwd: home }), never)
      assert.equal(result.code, 9)
      assert.equal(readFileSync(join(home, 'runs'), 'utf8'), 'x\n')
    })
  }

  for (const point of ['stop:requested', 'stop:signalled']) {
    test(`at ${point}: the stop is finished by the next, and nothing starts again`, async context => {
      const home = await newHome()
      act(home, 'apply')
      assert.equal(act(home, 'stop', point), 'SIGKILL')
      const { runtime } = await openRuntime(context, { home })
      await runtime.stop('web', never)
      assert.deepEqual(appsOf(home), [])
      assert.equal((await instance(runtime)).state, 'stopped')
    })
  }

  test('in a stop that nobody asks for again is followed by one that finishes it', async context => {
    const home = await newHome()
    act(home, 'apply')
    act(home, 'stop', 'stop:requested')
    const { runtime } = await openRuntime(context, { home })
    while ((await instance(runtime)).state !== 'stopped') await new Promise(resolve => setTimeout(resolve, 5))
    assert.equal(existsSync(join(home, 'units/groups/web/0/stop')), true)
  })

  for (const point of ['remove:stopped', 'remove:emptied', 'stop:signalled']) {
    test(`at ${point} of a removal: nothing is left once it is removed again`, async context => {
      const home = await newHome()
      act(home, 'apply')
      assert.equal(act(home, 'remove', point), 'SIGKILL')
      const { runtime } = await openRuntime(context, { home })
      await runtime.remove('web', never)
      assert.deepEqual(await runtime.groups({}), [])
    })
  }

  test('while it takes an instance away: the other is left alone', async context => {
    const home = await newHome()
    act(home, 'apply')
    assert.equal(act(home, 'scale', 'stop:signalled'), 'SIGKILL')
    const { runtime } = await openRuntime(context, { home })
    await runtime.apply(group({ instances: 1, cwd: home }), never)
    const { pid = 0 } = await instance(runtime)
    assert.ok(processStat(pid))
    assert.equal(appsOf(home).length, 1)
  })

  for (const [deed, point] of [
    ['open-sandbox', 'sandbox:spawned'],
    ['open-sandbox', 'apply:folder-written'],
    ['close-sandbox', 'sandbox:ended'],
  ] as const) {
    test(`at ${point} of ${deed}: the sandbox opens, or closes, when asked again`, async context => {
      const home = await newHome()
      if (deed === 'close-sandbox') act(home, 'open-sandbox')
      if (act(home, deed, point) === null) return context.skip('no sandbox can be made here')
      const { runtime } = await openRuntime(context, { home })
      if (deed === 'open-sandbox')
        assert.equal(await (await runtime.openSandbox('drill', { hide: [], write: [], copy: [] }, never)).mails(), 0)
      else await runtime.closeSandbox('drill')
    })
  }
})
