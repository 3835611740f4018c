/**
 * npm run test:crash: kills the agent at every point of every operation, and a third of the agents that come after it too. `--only TEXT`
 * points whose name begins so; `--fraction 0.2` a part of them, chosen by `--seed N`; `--lanes N` homes side by side; `--keep` leaves
 * the folder.
 */
import { parseArgs } from 'node:util'
import { failureText, summaryLines, sweepAll } from './all.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    fraction: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
  },
})
const print = (line: string): void => void process.stdout.write(`${line}\n`)
const began = performance.now()
const [seed, fraction, lanes] = [Number(values.seed), Number(values.fraction), Number(values.lanes)]
const survivals = await sweepAll({ ...values, seed, fraction, lanes, print })
const failed = survivals.filter(({ problems }) => problems.length > 0)
for (const failure of failed) print(failureText(failure, seed))
for (const line of summaryLines(survivals)) print(line)
const seconds = Math.round((performance.now() - began) / 1000)
print(`survived ${survivals.length - failed.length}/${survivals.length} (seed ${seed}, ${seconds} s)`)
process.exitCode = failed.length > 0 || survivals.length === 0 ? 1 : 0
