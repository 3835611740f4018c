/** Which files hold tests, and the suites that they make up. */
import { glob } from 'node:fs/promises'

/** Beside the code: what `npm run check` runs, but for the slow ones. */
export const unitTests = ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'test/requirements/*.test.ts']

/** They start processes by the dozen: part of `npm test`, not of the minute before a commit. */
export const slowTests = [
  'src/drivers/runtimes/process/{archives,conformance,half-started,logs,sandbox,sandbox-attacks,sandbox-filter,supervision}.test.ts',
  'src/drivers/proxies/embedded/driver.test.ts',
  'src/drivers/repositories/directory/directory.test.ts',
  'src/drivers/stores/files/moving.test.ts',
  'src/drivers/stores/sqlite/driver.test.ts',
  'src/worker/{damage,worker}.test.ts',
]

/** What `npm test` runs. Of test/crash the scenarios and a part of the sweep; all of it is `npm run test:crash`. */
export const allTests = [...unitTests, 'test/{conformance,helpers,examples,e2e,crash}/**/*.test.ts']

/** Paths relative to the checkout, sorted: a run is the same everywhere. */
export async function filesOf(patterns: string[], cwd: string): Promise<string[]> {
  const files: string[] = []
  for await (const file of glob(patterns, { cwd })) files.push(file)
  return files.sort()
}
