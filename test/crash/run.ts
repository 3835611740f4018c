/**
 * npm run test:crash: kills the agent at every point of every operation. `--only TEXT` points whose name holds it; `--fraction 0.2`
 * a part of them, chosen by `--seed N`; `--lanes N` homes side by side; `--keep` leaves the folder.
 */
import { parseArgs } from 'node:util'
import { sweepAll } from './all.ts'

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
const options = {
  only: values.only,
  seed: Number(values.seed),
  fraction: Number(values.fraction),
  lanes: Number(values.lanes),
  keep: values.keep,
}
const { survived, failed } = await sweepAll({ ...options, print })
for (const { point, problems } of failed) print(`✖ ${point}\n    ${problems.join('\n    ')}`)
const seconds = Math.round((performance.now() - began) / 1000)
print(`survived ${survived}/${survived + failed.length} (seed ${values.seed}, ${seconds} s)`)
process.exitCode = failed.length > 0 || survived === 0 ? 1 : 0
