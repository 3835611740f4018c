/** What the scenarios share: a home of their own, and the proof that all is as it should be. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { copyBundle } from './bundle.ts'
import { atRest, damage, unsettled } from './check.ts'
import { Site, type Spec } from './site.ts'
import { Snapshots } from './snapshots.ts'

/**
 * A site for all tests of a file, ended with them; opened outside of any hook. @param prepare what its home needs to be there before
 */
export async function openSite(spec: Partial<Spec> = {}, prepare: (home: string) => Promise<void> = async () => {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'fs-'))
  const bundle = await copyBundle(join(folder, 'fettle'))
  const from = 22_000 + (process.pid % 60) * 100
  const site = new Site({ bundle, folder, ports: { from, to: from + 99 } })
  Object.assign(site.spec, spec)
  // In this order: a disk that was mounted for it is unmounted between the two.
  after(() => site.destroy())
  await prepare(site.home)
  after(() => rm(folder, { recursive: true, force: true }))
  await site.open()
  return site
}

/** Nothing failed, nothing is lost, nothing is left; what is listed restores. What ends a moment later is waited for. */
export async function assertSound(site: Site): Promise<void> {
  const snapshots = new Snapshots(site)
  await eventually(() => unsettled(site, snapshots, atRest(site)))
  assert.deepEqual(await damage(site, snapshots, atRest(site)), [])
}

/** Until nothing is wrong any more. */
export async function eventually(problems: () => Promise<string[]> | string[]): Promise<void> {
  const until = performance.now() + 60_000
  for (;;) {
    const found = await problems()
    if (found.length === 0) return
    if (performance.now() > until) assert.deepEqual(found, [])
    await delay(50)
  }
}
