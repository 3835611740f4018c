/** A small file of the home that a power cut or a disk damaged is named, with what to do; hints keep no agent from starting. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

const HALF = '{"format":1,"gro\n'

describe('a small file of the home that is damaged', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => assembleSmall(into, 'stores:\n  kept: { files: . }\n'))
    await site.must(['deploy'])
    await site.must(['backup'])
  })
  after(() => site.close())

  /** What fails by it names it and says what to do; nothing is a stack trace. */
  async function mustName(path: string, argv: string[], hint: RegExp): Promise<void> {
    const whole = readFileSync(path)
    writeFileSync(path, HALF)
    const { code, error, stderr } = await site.operate(argv)
    assert.deepEqual([code, error?.code], [7, 'DAMAGED'], stderr)
    assert.ok(error?.message.includes(`${path} can not be read: `), error?.message)
    assert.match(error?.hint ?? '', hint)
    assert.doesNotMatch(stderr, /\n\s+at /)
    writeFileSync(path, whole)
  }

  test('settings: no agent starts, and the one after it has what it needs', async () => {
    await site.run(['agent', 'stop'])
    await mustName(site.paths.settings, ['agent', 'start'], /^Move it away: .*FETTLE_HTTP=/)
    await site.run(['agent', 'start'])
    await site.until(({ state }) => state === 'up')
  })

  test('what ran when all was ended: it is logged, and what serves is started all the same', { timeout: 60_000 }, async () => {
    await site.run(['agent', 'stop', '--everything', '--yes'])
    const path = join(site.home, 'agent/ended.json')
    writeFileSync(path, HALF)
    const { code, stderr } = await site.run(['agent', 'start'])
    assert.equal(code, 0, stderr)
    await site.until(({ state }) => state === 'up')
    assert.ok((await readFile(site.paths.agentLog, 'utf8')).includes(`${path} can not be read: `))
  })

  test('how many instances are wanted, when all starts anew: those of the file, and it is logged', { timeout: 60_000 }, async () => {
    await site.run(['agent', 'stop', '--everything', '--yes'])
    const path = join(site.home, 'apps/small/production/scale.json')
    rmSync(join(site.home, 'units'), { recursive: true })
    writeFileSync(path, HALF)
    await site.run(['agent', 'start'])
    const [first] = (await readFile(site.paths.agentLog, 'utf8')).match(/.*scale\.json can not be read: .*/) ?? []
    assert.ok(first?.includes(path), first)
    rmSync(path)
    await site.until(({ state }) => state === 'up')
  })

  test('where snapshots go: a backup says so, and goes on once it is removed', async () => {
    const path = join(site.home, 'apps/small/production/repository.json')
    await mustName(path, ['backup'], /^Remove it: the next backup writes it anew/)
    rmSync(path)
    await site.must(['backup'])
  })

  test('a release: a deploy says so', async () => {
    await mustName(join(site.home, 'apps/small/production/releases/r1/release.json'), ['deploy'], /^Bring it back/)
  })
})
