/** All swept operations, shared out to homes side by side. A home in which something failed is given up for a fresh one. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyBundle } from './bundle.ts'
import { type SweptOperation, sweptOperations } from './operations.ts'
import { Site } from './site.ts'
import { type Survival, Sweep } from './sweep.ts'

export interface SweepOptions {
  /** Only points whose name, `operation kind/step:point` behind the swept operation's, holds this. */
  only: string
  /** Of the points, so many. */
  fraction: number
  seed: number
  lanes: number
  keep: boolean
  print(line: string): void
}

interface Lane {
  site: Site
  sweep: Sweep
}

export async function sweepAll(options: SweepOptions): Promise<{ survived: number; failed: Survival[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'fc-'))
  const bundle = await copyBundle(join(folder, 'fettle'))
  const sites: Site[] = []
  const open = async (): Promise<Lane> => {
    const number = sites.length
    const place = join(folder, String(number))
    await mkdir(place)
    const from = 21_000 + (number % 8) * 1000
    const site = new Site({ bundle, folder: place, ports: { from, to: from + 999 } })
    sites.push(site)
    await site.open()
    const sweep = new Sweep(site)
    await site.nextSource()
    site.load.declared.add(2)
    await site.mustDo({ kind: 'deploy', file: site.file })
    return { site, sweep }
  }
  const work = sweptOperations.filter(
    ({ name }) => options.only === '' || options.only.includes('/') === false || options.only.startsWith(`${name}/`),
  )
  const results: Survival[] = []
  try {
    const lanes = Array.from({ length: Math.min(options.lanes, work.length) }, () => sweepLane(work, open, options, results))
    for (const lane of await Promise.allSettled(lanes)) if (lane.status === 'rejected') throw lane.reason
  } finally {
    for (const site of sites) await site.destroy()
    if (options.keep) options.print(`everything is left in ${folder}`)
    else await rm(folder, { recursive: true, force: true })
  }
  const failed = results.filter(({ problems }) => problems.length > 0)
  return { survived: results.length - failed.length, failed }
}

/** Takes operations from the common list until it is empty. */
async function sweepLane(work: SweptOperation[], open: () => Promise<Lane>, options: SweepOptions, results: Survival[]): Promise<void> {
  let lane = await open()
  for (let swept = work.shift(); swept !== undefined; swept = work.shift()) {
    const all = (await lane.sweep.points(swept)).map(point => ({ point, name: `${swept.name}/${point}` }))
    const chosen = all.filter(({ name }) => name.includes(options.only) && isChosen(name, options))
    options.print(`${swept.name}: ${chosen.length} of ${all.length} points`)
    for (const { point, name } of chosen) {
      const began = performance.now()
      const { problems } = await lane.sweep.survives(swept, point)
      results.push({ point: name, problems })
      options.print(`${problems.length === 0 ? '✔' : '✖'} ${name} ${Math.round(performance.now() - began)} ms ${problems.join(' | ')}`)
      if (problems.length === 0) continue
      await lane.site.destroy()
      lane = await open()
    }
  }
  await lane.site.close()
}

/** By a hash of seed and name, so that the choice does not depend on the order. */
function isChosen(name: string, { fraction, seed }: SweepOptions): boolean {
  let hash = seed | 0
  for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) + 0x9e3779b9
  return ((hash >>> 8) % 10_000) / 10_000 < fraction
}
