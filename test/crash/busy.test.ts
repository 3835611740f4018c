import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertSound, openSite } from './scenario.ts'

const site = await openSite()

test('of two deploys at once the second is told which one is at work, and the first goes on', async () => {
  site.load.declared.add(await site.nextSource())
  const request = { kind: 'deploy', file: site.file } as const
  const [first, second] = await Promise.allSettled([site.client.call('start', { request }), site.client.call('start', { request })])
  const begun = [first, second].flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  const refused = [first, second].flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
  assert.equal(begun.length, 1)
  assert.equal(refused[0]?.code, 'BUSY')
  assert.match(refused[0]?.message, new RegExp(`deploy ${begun[0]?.id} is running there`))
  await site.settled()
  assert.equal((await site.operations()).find(({ id }) => id === begun[0]?.id)?.state, 'done')
  await site.refresh()
  await assertSound(site)
})
