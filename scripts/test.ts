/**
 * Runs every test, or the files that are named: failures in full as they happen, the counts last.
 * A whole run also leaves all results in .test-results.json, and fails when docs/requirements.md claims an id that no passing test carried.
 */
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run } from 'node:test'
import { readRequirements, unprovenIds } from './requirements.ts'
import { allTests, filesOf } from './test-files.ts'
import { countsLine, ResultCollector, type TestResult } from './test-results.ts'

const home = join(import.meta.dirname, '..')
const named = process.argv.slice(2)
const files = named.length > 0 ? named : await filesOf(allTests, home)
/** A file that hangs fails, so that the rest is still counted. */
const FILE_TIMEOUT_MS = 10 * 60_000
const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** What a file printed is shown only when something in it failed. */
async function runTests(): Promise<TestResult[]> {
  const collector = new ResultCollector(home)
  const output = new Map<string, string>()
  let current = ''
  for await (const event of run({ files, cwd: home, concurrency: availableParallelism(), timeout: FILE_TIMEOUT_MS })) {
    if (event.type === 'test:stdout' || event.type === 'test:stderr') {
      output.set(event.data.file, (output.get(event.data.file) ?? '') + event.data.message)
    }
    const result = collector.add(event)
    if (result === undefined) continue
    if (result.file !== current) print(`  ${result.file}`)
    current = result.file
    if (result.failure === undefined) continue
    print(`✖ ${result.title} (${result.file})\n${result.failure}`)
    const printed = output.get(join(home, result.file))
    if (printed !== undefined) print(`  it printed:\n${printed}`)
  }
  return collector.results
}

/** The page is made from titles alone, so that it is the same on every machine; here its claims meet what really passed. */
async function unprovenClaims(results: readonly TestResult[]): Promise<TestResult[]> {
  const { claims } = await readRequirements(home)
  const passed = results.filter(({ outcome }) => outcome === 'passed').map(({ title }) => title)
  const title = (id: string): string => `[${id}] is claimed as shown, but no test that carries it passed`
  return unprovenIds(claims, passed).map(id => ({ file: 'docs/requirements.md', title: title(id), outcome: 'failed', durationMs: 0 }))
}

const startedAt = performance.now()
const results = await runTests()
if (named.length === 0) {
  const unproven = await unprovenClaims(results)
  for (const { title } of unproven) print(`✖ ${title}`)
  results.push(...unproven)
  await writeFile(join(home, '.test-results.json'), `${JSON.stringify(results, null, 1)}\n`)
}
print(`${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
print(countsLine(results))
process.exitCode = results.some(({ outcome }) => outcome === 'failed') || results.length === 0 ? 1 : 0
