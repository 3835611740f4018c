/**
 * The tables on disk, `tables/<app>/<environment>.json`: what the front boots from, and the truth about what is served. A table
 * is durable before it is served. Beside it `<environment>.hold` while the environment is held, so that a restart holds too.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FettleError } from '../../../../core/errors.ts'
import { canonicalJson, type Json } from '../../../../core/json.ts'
import { isMoved } from '../../../../core/routing.ts'
import type { RouteTable } from '../../../../ports/proxy.ts'
import { parseTable } from './parse-table.ts'
import { writeTable } from './write-table.ts'

export class TableFiles {
  readonly #folder: string
  readonly #log: (line: string) => void
  readonly #tables = new Map<string, RouteTable>()
  /** Environments whose file can not be read: never overwritten by a commit, for their generation is not known. */
  readonly #damaged = new Map<string, FettleError>()
  readonly #holds = new Map<string, { maxWaitMs: number }>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(folder: string, log: (line: string) => void) {
    this.#folder = folder
    this.#log = log
  }

  /** Reads everything again; a table that did not change stays the same object. Synchronous: nothing may be served before it. */
  load(): void {
    this.#holds.clear()
    for (const app of namesIn(this.#folder)) for (const file of namesIn(join(this.#folder, app))) this.#loadFile(app, file)
  }

  #loadFile(app: string, file: string): void {
    const path = join(this.#folder, app, file)
    const key = `${app}/${file.replace(/\.(json|hold)$/, '')}`
    try {
      if (file.endsWith('.hold')) this.#holds.set(key, JSON.parse(readFileSync(path, 'utf8')))
      else if (file.endsWith('.json')) {
        const table = parseTable(readJson(path))
        if (`${table.app}/${table.environment}` !== key)
          throw new FettleError('DAMAGED', `it is the table of ${table.app}/${table.environment}`)
        if (!isSame(this.#tables.get(key), table)) this.#tables.set(key, table)
        this.#damaged.delete(key)
      }
    } catch (thrown) {
      const error = thrown instanceof FettleError ? thrown : new FettleError('DAMAGED', String((thrown as Error).message))
      this.#log(`${path} is left out: ${error.message}`)
      if (file.endsWith('.hold')) return
      this.#tables.delete(key)
      const hint = error.hint ?? 'Move the file away, then deploy again: the environment is served anew from generation 1.'
      this.#damaged.set(key, new FettleError(error.code, `${path} can not be served: ${error.message}`, { hint }))
    }
  }

  /** What a crash left of a write that was never served. */
  removeHalfWritten(): void {
    for (const app of namesIn(this.#folder)) {
      for (const file of namesIn(join(this.#folder, app)).filter(name => name.endsWith('.tmp'))) {
        this.#log(`${app}/${file} is removed: a crash interrupted its writing; what was served before is served on`)
        rmSync(join(this.#folder, app, file), { force: true })
      }
    }
  }

  all(): RouteTable[] {
    return [...this.#tables.values()]
  }

  /** By `app/environment`. */
  holds(): ReadonlyMap<string, { maxWaitMs: number }> {
    return this.#holds
  }

  /** @throws FettleError DAMAGED, VERSION when its file can not be read */
  get(app: string, environment: string): RouteTable | undefined {
    const damaged = this.#damaged.get(`${app}/${environment}`)
    if (damaged !== undefined) throw damaged
    return this.#tables.get(`${app}/${environment}`)
  }

  /** Writes it in place of generation `expected`, then serves it. One at a time. @throws FettleError CONFLICT, REFUSED, DAMAGED */
  commit(table: RouteTable, expected: number, serve: (table: RouteTable) => void): Promise<void> {
    return this.#inTurn(async () => {
      const present = this.get(table.app, table.environment)
      const isMove = expected === table.generation && isMoved(present, table)
      if (!isSame(present, table)) {
        if (!isMove) this.#refuse(table, present?.generation ?? 0, expected)
        const { app, environment } = table
        await writeTable(join(this.#folder, app, `${environment}.json`), `${JSON.stringify(table, undefined, 2)}\n`)
        this.#tables.set(`${app}/${environment}`, table)
      }
      if (!isMove) await this.#removeHold(table.app, table.environment)
      serve(table)
    })
  }

  #refuse(table: RouteTable, present: number, expected: number): void {
    const { app, environment, generation } = table
    const context = { app, environment, present, expected }
    if (present !== expected || generation !== expected + 1) {
      throw new FettleError('CONFLICT', `${app}/${environment} is at generation ${present}, so ${generation} can not follow ${expected}`, {
        context,
        hint: 'Somebody else changed what is served. Run the command again: it plans from what is served now.',
      })
    }
    for (const other of this.#tables.values()) {
      if (other.app === app && other.environment === environment) continue
      const taken = table.routes.find(mine => other.routes.some(theirs => theirs.host === mine.host && theirs.path === mine.path))
      if (taken === undefined) continue
      throw new FettleError('REFUSED', `${taken.host}${taken.path} is served by ${other.app}/${other.environment} already`, {
        context,
        hint: `Give the route of ${app} another host or path in fettle.yaml.`,
      })
    }
  }

  hold(app: string, environment: string, maxWaitMs: number, apply: () => void): Promise<void> {
    return this.#inTurn(async () => {
      await writeTable(join(this.#folder, app, `${environment}.hold`), JSON.stringify({ maxWaitMs }))
      this.#holds.set(`${app}/${environment}`, { maxWaitMs })
      apply()
    })
  }

  release(app: string, environment: string, apply: () => void): Promise<void> {
    return this.#inTurn(async () => {
      await this.#removeHold(app, environment)
      apply()
    })
  }

  async #removeHold(app: string, environment: string): Promise<void> {
    if (!this.#holds.has(`${app}/${environment}`)) return
    await rm(join(this.#folder, app, `${environment}.hold`), { force: true })
    this.#holds.delete(`${app}/${environment}`)
  }

  /** When no write is under way. */
  async settled(): Promise<void> {
    await this.#last
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work)
    this.#last = mine.catch(() => {})
    return mine
  }
}

function isSame(a: RouteTable | undefined, b: RouteTable): boolean {
  return a !== undefined && canonicalJson(a as unknown as Json) === canonicalJson(b as unknown as Json)
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new FettleError('DAMAGED', `it is not JSON (${(error as Error).message})`, { cause: error })
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}
