import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureText, summaryLines, sweepAll } from './all.ts'

/** Other points every day, the same all day long; `npm run test:crash` takes them all. */
const seed = Number(process.env.FETTLE_SWEEP_SEED ?? Math.floor(Date.now() / 86_400_000))
/** About a fifth of all points on two cores that have nothing else to do; on busy ones fewer. */
const AT_MOST_MS = 90_000

const print = (line: string): void => void process.stdout.write(`${line}\n`)

test('wherever the agent is killed in an operation, and again in what it does after, the next one brings it to its end', async () => {
  print(`FETTLE_SWEEP_SEED=${seed}`)
  const survivals = await sweepAll({ only: '', fraction: 1, seed, lanes: 2, keep: false, atMostMs: AT_MOST_MS, print })
  for (const line of summaryLines(survivals)) print(line)
  assert.notEqual(survivals.length, 0)
  const failed = survivals.filter(({ problems }) => problems.length > 0)
  if (failed.length > 0) assert.fail(failed.map(failure => failureText(failure, seed)).join('\n'))
})
