import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mapConcurrently } from './concurrency.ts'

const tick = () => new Promise(setImmediate)

test('results come in order and never more than the limit run at once', async () => {
  let running = 0
  let most = 0
  const results = await mapConcurrently([5, 1, 4, 2, 3], 2, async ticks => {
    most = Math.max(most, ++running)
    for (let n = 0; n < ticks; n++) await tick()
    running--
    return ticks * 10
  })
  assert.deepEqual(results, [50, 10, 40, 20, 30])
  assert.equal(most, 2)
})

test('a failure begins nothing more and comes out once all that ran has ended', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const work = async (n: number) => {
    begun.push(n)
    await tick()
    if (n === 1) throw new Error('one')
    await tick()
    ended.push(n)
  }
  await assert.rejects(mapConcurrently([0, 1, 2, 3, 4], 2, work), /one/)
  assert.deepEqual([begun, ended], [[0, 1], [0]])
})

test('nothing is nothing', async () => {
  assert.deepEqual(await mapConcurrently([], 3, tick), [])
})
