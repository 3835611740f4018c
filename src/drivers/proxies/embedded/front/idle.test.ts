import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IdleKnowledge, LONGEST_IDLE_MS, SCOUT_MS } from './idle.ts'

test('while nothing is known, only a connection used just now is safe', () => {
  assert.equal(new IdleKnowledge().safeMs(0), 20)
})

test('half of what the instance announces is safe, at most two seconds', () => {
  const idle = new IdleKnowledge()
  idle.announced(1_000)
  assert.equal(idle.safeMs(0), 500)
  idle.announced(65_000)
  assert.equal(idle.safeMs(0), LONGEST_IDLE_MS)
})

test('an announcement of zero seconds says nothing, so a scout is sent', () => {
  const idle = new IdleKnowledge()
  idle.announced(0)
  assert.equal(idle.safeMs(0), 20)
  assert.equal(idle.startScouting(0), true)
})

test('half of what the scout lived is safe, one scout is out at a time, and the next one goes after a minute', () => {
  const idle = new IdleKnowledge()
  assert.equal(idle.startScouting(0), true)
  assert.equal(idle.startScouting(0), false)
  idle.scouted(100, 100)
  assert.equal(idle.safeMs(100), 50)
  assert.equal(idle.startScouting(200), false)
  assert.equal(idle.startScouting(61_000), true)
  idle.scouted(SCOUT_MS, 65_000)
  assert.equal(idle.safeMs(65_000), LONGEST_IDLE_MS)
})

test('a close seen sooner than announced counts more, for a minute or until the instance is another one', () => {
  const idle = new IdleKnowledge()
  idle.announced(5_000)
  idle.closedAfter(300, 0)
  assert.equal(idle.safeMs(1), 150)
  assert.equal(idle.safeMs(60_000), LONGEST_IDLE_MS)
  idle.closedAfter(800, 60_000)
  assert.equal(idle.safeMs(60_001), 400)
  idle.forget()
  assert.equal(idle.safeMs(60_002), 20)
})
