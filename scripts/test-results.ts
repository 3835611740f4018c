/** What a run of node:test says, reduced to what we print, count and keep. */
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

export interface TestResult {
  file: string
  /** With the titles of the suites around it, joined by ` > `. */
  title: string
  outcome: 'passed' | 'failed' | 'skipped'
  durationMs: number
  /** Of a failed one: everything that is known. */
  failure?: string
}

type Ended = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>

/** A test that failed only because one inside it did is not a failure of its own, and a suite is no test. */
function isContainer({ type, data }: Ended): boolean {
  if (type === 'test:pass') return data.details.type === 'suite'
  const { error } = data.details
  return 'failureType' in error && error.failureType === 'subtestsFailed'
}

/** Follows the events of a run, which come ordered: a container starts, what is inside it starts and ends, it ends. */
export class ResultCollector {
  readonly results: TestResult[] = []
  readonly #home: string
  readonly #titles: string[] = []

  constructor(home: string) {
    this.#home = home
  }

  /** @returns the result when the event ends a test. */
  add(event: TestEvent): TestResult | undefined {
    if (event.type === 'test:start') this.#titles[event.data.nesting] = event.data.name
    if ((event.type !== 'test:pass' && event.type !== 'test:fail') || isContainer(event)) return undefined
    const { data } = event
    const result: TestResult = {
      file: relative(this.#home, data.file ?? data.name),
      title: [...this.#titles.slice(0, data.nesting), data.name].join(' > '),
      outcome: event.type === 'test:fail' ? 'failed' : isOn(data.skip) || isOn(data.todo) ? 'skipped' : 'passed',
      durationMs: data.details.duration_ms,
      ...(event.type === 'test:fail' ? { failure: inspect(event.data.details.error.cause ?? event.data.details.error) } : {}),
    }
    this.results.push(result)
    return result
  }
}

/** node:test says true, or the reason, which may be empty. */
const isOn = (flag: string | boolean | undefined): boolean => flag !== undefined && flag !== false

/** The last line of a run: `12 passed, 0 failed`, and `, 1 skipped` when there are some. */
export function countsLine(results: readonly Pick<TestResult, 'outcome'>[]): string {
  const count = (outcome: TestResult['outcome']) => results.filter(result => result.outcome === outcome).length
  const skipped = count('skipped')
  return `${count('passed')} passed, ${count('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
