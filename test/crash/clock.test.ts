import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { operationOf } from '../../src/core/snapshot.ts'
import { signalProcess } from '../../src/drivers/runtimes/process/unit-stop.ts'
import { shiftClock } from './bundle.ts'
import { processesOf } from './leftovers.ts'
import { assertSound, eventually, openSite } from './scenario.ts'

// What jumps is the wall clock that agent, front and data workers read. That of the kernel, which dates files, stays: it is everybody's.
let setClock: (ms: number) => Promise<void> = async () => {}
const site = await openSite({}, async home => {
  setClock = await shiftClock(join(home, '../fettle'))
})
const HOUR = 3_600_000

for (const [where, ms] of [
  ['ahead', HOUR],
  ['back', -HOUR],
] as const) {
  test(`when the clock jumps an hour ${where}, a release on trial stays on trial, and for no longer`, async () => {
    site.spec.trial = '10m'
    site.load.declared.add(await site.nextSource())
    await site.begin({ kind: 'deploy', file: site.file })
    await eventually(async () => ((await site.operations())[0]?.plan.kind === 'bake' ? [] : ['there is no trial yet']))
    const id = (await site.operations())[0]?.id ?? ''
    await setClock(ms)
    const passed: number[] = []
    for await (const event of site.client.stream('events', { id, after: 0, follow: true })) {
      if (event.type === 'progress') passed.push(event.done ?? Number.NaN)
      if (passed.length === 3) break
    }
    assert.ok(
      passed.every(ms => ms >= 0 && ms < HOUR / 6),
      passed.join(', '),
    )
    assert.equal((await site.client.call('operation', { id })).state, 'running')
    await site.client.call('cancel', { id })
    await site.settled()
    await site.refresh()
    site.spec.trial = '200ms'
    await setClock(0)
    await assertSound(site)
  })

  test(`a deploy is done though the clock jumps an hour ${where} in its middle, and its output stays in order`, async () => {
    const gate = join(site.folder, `go-${where}`)
    site.spec.build = `echo first; until [ -e ${gate} ]; do sleep 0.05; done; echo second; cp version.json built.json`
    site.load.declared.add(await site.nextSource())
    const { id } = await site.client.call('start', { request: { kind: 'deploy', file: site.file } })
    await eventually(() => (processesOf(site.home).some(({ command }) => command.includes('0.05')) ? [] : ['the build does not run']))
    await setClock(ms)
    await writeFile(gate, '')
    await site.settled()
    const { state, endedAt = 0 } = await site.client.call('operation', { id })
    assert.equal(state, 'done')
    assert.ok(Math.abs(endedAt - Date.now() - ms) < HOUR / 2, 'the clock did not jump')
    const lines: string[] = []
    for await (const { text } of site.client.stream('logs', { file: site.file, operation: id })) lines.push(text)
    assert.deepEqual(lines.slice(0, 2), ['first', 'second'])
    await site.refresh()
    site.spec.build = 'cp version.json built.json'
    await assertSound(site)
  })

  test(`with the clock an hour ${where} an instance that is killed comes back, and so does the agent`, async () => {
    await setClock(ms)
    const instances = () => processesOf(site.home).filter(({ command }) => command.includes('server.js'))
    const [doomed] = instances()
    site.load.mayBreak = true
    signalProcess(doomed?.pid ?? 0, 'SIGKILL')
    await site.stopAgent('SIGKILL')
    await site.startAgent()
    await eventually(() => (instances().filter(({ pid }) => pid !== doomed?.pid).length === 2 ? [] : ['it is not back']))
    await assertSound(site)
    site.load.mayBreak = false
    await setClock(0)
  })
}

test('backups across jumps are kept, proven and restored: what is dated in the future is not old', async () => {
  const taken: string[] = []
  for (const ms of [0, HOUR, 0, -HOUR, 0]) {
    await setClock(ms)
    taken.push((await site.mustDo({ kind: 'backup', file: site.file })).id)
    await site.mustDo({ kind: 'drill', file: site.file })
  }
  const { snapshots } = await site.client.call('snapshots', { file: site.file })
  const kept = snapshots.map(({ id }) => operationOf(id) ?? id)
  // Four are kept by the file; one more is dated in the future and does not count.
  for (const operation of taken.filter((_, index) => index !== 3)) assert.ok(kept.includes(operation), `${operation} of ${kept.join(', ')}`)
  await assertSound(site)
})
