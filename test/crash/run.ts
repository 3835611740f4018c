/** npm run test:crash: kills the agent at every point of every operation, and a third of the agents that come after it too. */
import { parseArgs } from 'node:util'
import { FettleError } from '../../src/core/errors.ts'
import { failureText, summaryLines, sweepAll } from './all.ts'

const OPTIONS = `--only TEXT      points whose name begins so: deploy/ or deploy/deploy/switch:before
--seed N         which agents are killed twice, and which points a fraction is of
--fraction 0.2   a part of the points
--lanes N        homes side by side
--keep           leaves the folder
`
const print = (line: string): void => void process.stdout.write(`${line}\n`)

function settings() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
      fraction: { type: 'string', default: '1' },
      lanes: { type: 'string', default: '2' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const [seed, fraction, lanes] = [Number(values.seed), Number(values.fraction), Number(values.lanes)]
  return { ...values, seed, fraction, lanes, print }
}

async function sweep(options: ReturnType<typeof settings>): Promise<number> {
  const began = performance.now()
  const { seed } = options
  const survivals = await sweepAll(options)
  const failed = survivals.filter(({ problems }) => problems.length > 0)
  for (const failure of failed) print(failureText(failure, seed))
  for (const line of summaryLines(survivals)) print(line)
  const seconds = Math.round((performance.now() - began) / 1000)
  print(`survived ${survivals.length - failed.length}/${survivals.length} (seed ${seed}, ${seconds} s)`)
  return failed.length > 0 || survivals.length === 0 ? 1 : 0
}

/** Its exit status. What was asked in a wrong way gets its reason, not a stack. */
async function run(): Promise<number> {
  try {
    const options = settings()
    if (!options.help) return await sweep(options)
    process.stdout.write(OPTIONS)
    return 0
  } catch (error) {
    if (error instanceof FettleError && error.code === 'USAGE') process.stderr.write(`${error.message}\n  ${error.hint}\n`)
    else if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true)
      process.stderr.write(`${(error as Error).message}\n${OPTIONS}`)
    else throw error
    return 2
  }
}

process.exitCode = await run()
