/**
 * A home that is at another place than before: its disk was moved, its image restored, or it is a copy. Tables and units name folders by
 * absolute paths. Before anything is started they become this home's own; else it would serve, and write, the data of the other place.
 */
import { statSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { FettleError } from '../core/errors.ts'
import type { Layout } from '../core/layout.ts'
import type { OperationRecord } from '../core/plan.ts'
import { exists, writeFileAtomic } from '../lib/files.ts'
import { readKept } from '../lib/kept-file.ts'
import { startedFrom } from '../lib/started-from.ts'

/** `paths`: every one by which this home was used where it is, for links may lead to it. */
const Home = z.strictObject({ format: z.literal(1), paths: z.array(z.string()) })

export interface HomeOptions {
  layout: Layout
  /** Of its journal, held ones too. */
  unended: OperationRecord[]
  /** Makes what begins with one of these paths begin with this home's, and forgets what ran. Idempotent. */
  move(from: string[]): Promise<void>
  log(text: string): void
}

/**
 * To be asked before anything is done in a home: one that is moved while its agent runs takes its socket along, but no path that the
 * agent and its shims know. @returns what throws FettleError REFUSED once the home is not there any more
 */
export function placeOf(home: string): () => void {
  const begun = statSync(home)
  return () => {
    const now = statSync(home, { throwIfNoEntry: false })
    if (now?.ino === begun.ino && now.dev === begun.dev) return
    throw new FettleError('REFUSED', `the home of this agent (pid ${process.pid}) was ${home} and is not there any more`, {
      hint: `Move it back to ${home}, end what runs with \`fettle agent stop --everything --home ${home}\`, and move it then.`,
    })
  }
}

/** To be called by the one agent of this home, before it starts anything. @throws FettleError REFUSED, DAMAGED, VERSION */
export async function settleHome(options: HomeOptions): Promise<void> {
  const { layout, move, log } = options
  const known = await knownPaths(layout.home, join(layout.agent, 'home.json'))
  const left = known.filter(({ isHere }) => !isHere)
  if (left.length > 0) {
    for (const place of left) requireMovable(options, place)
    const old = left.map(({ path }) => path)
    await move(old)
    log(`this home was ${old.join(' and ')} and is ${layout.home} now; nothing of what is there is used`)
  }
  const paths = [...new Set([...known.filter(({ isHere }) => isHere).map(({ path }) => path), layout.home])]
  const before = known.map(({ path }) => path)
  if (!isDeepStrictEqual(paths, before))
    await writeFileAtomic(join(layout.agent, 'home.json'), `${JSON.stringify({ format: 1, paths })}\n`, 0o600)
}

interface Place {
  path: string
  isHere: boolean
  /** A home is there; where it is not this one, this one is a copy. */
  exists: boolean
}

/** Those remembered. None in a home that is new, or that no fettle of today has seen. */
async function knownPaths(home: string, file: string): Promise<Place[]> {
  const hint = 'Write {"format":1,"paths":["…"]} into it, with the path at which this home was used last.'
  const saved = await readKept({ path: file, schema: Home, hint })
  if (saved === undefined) return []
  const here = await realpath(home)
  const places = saved.paths.map(async path => {
    const real = await realpath(path).catch(() => undefined)
    // What still runs from a home that was moved may have made a folder again where it was.
    return { path, isHere: real === here, exists: await exists(join(path, 'agent', 'home.json')) }
  })
  return Promise.all(places)
}

/** What is under way knows the old folders and nothing else. A trial names none. */
function requireMovable({ layout: { home }, unended }: HomeOptions, { path, exists }: Place): void {
  const refused = (why: string, hint: string) => new FettleError('REFUSED', `${home} was ${path} and can not go on here: ${why}`, { hint })
  const back = `Move it back, or let the old path lead here: \`ln -s ${home} ${path}\`.`
  const open = unended.find(({ plan }) => plan.kind !== 'bake')
  if (open !== undefined) {
    const end = `bring ${open.id} to its end`
    const hint = exists ? `It is a copy: ${end} in ${path}, then copy it again.` : `${back} There ${end}; then it can be moved.`
    throw refused(`its ${open.plan.kind} ${open.id} is ${open.state}`, hint)
  }
  // Beside a copy the original may run; of a home that was moved, what still runs has its files here.
  const running = exists ? undefined : startedFrom(path)
  if (running !== undefined)
    throw refused(`process ${running} still runs from there`, `${back} Then \`fettle agent stop --everything --home ${path}\`.`)
}
