/** A plan that is saved, looked at, and carried out later: that one, or none. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Plan } from '../../src/core/plan.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall, SMALL_HOST } from '../helpers/small-app.ts'

describe('a saved plan', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(assembleSmall)
  })
  after(() => site.close())

  const save = async (name: string): Promise<void> => {
    const { code, stdout, stderr } = await site.run(['plan', '--out', name], { env: { COLUMNS: '200' } })
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`fettle deploy --plan ${name}`))
  }
  const setVersion = (version: number): Promise<void> => writeFile(join(site.app, 'version'), `${version}\n`)
  const versionThatServes = async (): Promise<string> => JSON.parse((await site.ask(SMALL_HOST)).text).version
  const apply = (name: string) => site.operate(['deploy', '--plan', name])

  test('is carried out exactly, once; then the world has moved', async () => {
    await save('first.fettle-plan')
    const { plan: saved } = JSON.parse(await readFile(join(site.app, 'first.fettle-plan'), 'utf8')) as { plan: Plan }
    const { code, operation, stderr } = await apply('first.fettle-plan')
    assert.equal(code, 0, stderr)
    assert.deepEqual(operation?.plan, saved)
    assert.equal(await versionThatServes(), '1')
    const again = await apply('first.fettle-plan')
    assert.deepEqual([again.code, again.error?.code, again.operation], [4, 'CONFLICT', undefined])
    assert.match(again.error?.message ?? '', /what serves/)
  })

  test('is refused, naming what has changed: the source, the file, the release that serves, how many run', async () => {
    await setVersion(2)
    await save('second.fettle-plan')
    await setVersion(3)
    const source = await apply('second.fettle-plan')
    assert.deepEqual([source.code, source.error?.context], [4, { moved: ['source'] }])
    await setVersion(2)

    const file = join(site.app, 'fettle.yaml')
    const text = await readFile(file, 'utf8')
    await site.edit('fettle.yaml', before => before.replace('within: 20s', 'within: 21s'))
    const edited = await apply('second.fettle-plan')
    assert.equal(edited.code, 4)
    assert.match(edited.error?.message ?? '', /fettle\.yaml.* has changed since/)
    await writeFile(file, text)

    await site.must(['scale', 'web=2'])
    const scaled = await apply('second.fettle-plan')
    assert.deepEqual([scaled.code, await versionThatServes()], [4, '1'])
  })

  test('that is shown and not begun leaves all as it is; --plan stands alone', async () => {
    await save('third.fettle-plan')
    const { code } = await site.run(['deploy', '--plan', 'third.fettle-plan', '--dry-run'])
    assert.deepEqual([code, await versionThatServes()], [0, '1'])
    const { code: both, error } = await site.operate(['deploy', 'production', '--plan', 'third.fettle-plan'])
    assert.deepEqual([both, error?.code], [2, 'USAGE'])
    const { code: none, error: noPlan } = await site.operate(['deploy', '--plan', 'fettle.yaml'])
    assert.deepEqual([none, noPlan?.code], [2, 'USAGE'])
    const inSource = await site.run(['plan', '--out', 'third.json'])
    assert.equal(inSource.code, 5)
    assert.match(inSource.stderr, /^✗ third\.json is not saved: it would be part of the source.*\n→ Name it \*\.fettle-plan/)
    assert.equal(inSource.stdout, '')
    await site.must(['deploy', '--plan', 'third.fettle-plan'])
    assert.equal(await versionThatServes(), '2')
  })
})
