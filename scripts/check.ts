/** `npm run check`: types, lint and format, the import table, unit tests. A line each with its seconds; output only of what failed. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { filesOf, slowTests, unitTests } from './test-files.ts'

const home = join(import.meta.dirname, '..')

async function check(what: string, program: string, args: string[]): Promise<boolean> {
  const startedAt = performance.now()
  const child = spawn(program, args, { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<boolean>((resolve, reject) => child.on('error', reject).on('close', code => resolve(code === 0)))
  const [output, errors, isGood] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  process.stdout.write(`${isGood ? '✔' : '✖'} ${what} ${seconds} s\n${isGood ? '' : output + errors}`)
  return isGood
}

// Biome and the import table end at once; types and unit tests take the two cores of the smallest machine.
const slow = new Set(await filesOf(slowTests, home))
const files = (await filesOf(unitTests, home)).filter(file => !slow.has(file))
const unit = ['--test', '--test-concurrency=3', '--test-reporter=dot', ...files]
const results = await Promise.all([
  check('types', 'tsc', ['--pretty', 'false']),
  check('lint and format', 'biome', ['ci', '--colors=off', '--error-on-warnings']),
  check('import table', process.execPath, ['scripts/check-imports.ts']),
  check('unit tests', process.execPath, unit),
])
process.exitCode = results.every(isGood => isGood) ? 0 : 1
