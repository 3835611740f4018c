/** What an earlier fettle wrote is read by this one; what a newer one wrote is refused and left as it is. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { EnvironmentStatus, ReleaseView, SecretView, SnapshotView } from '../../src/api/views.ts'
import type { OperationRecord } from '../../src/core/plan.ts'
import { HOST, KEPT, openKept } from '../fixtures/formats/open.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

/** With ports of this run's own: those that it was made with may be taken. */
async function openHome(): Promise<Installation> {
  const site = await openInstallation(async () => {})
  const own = JSON.parse(await readFile(site.paths.settings, 'utf8'))
  await openKept(site.folder)
  const kept = JSON.parse(await readFile(site.paths.settings, 'utf8'))
  assert.equal(kept.format, 1)
  await writeFile(site.paths.settings, JSON.stringify({ ...kept, ports: own.ports }))
  return site
}

describe('a home that was written in format 1', () => {
  let site: Installation
  before(async () => {
    site = await openHome()
    await site.run(['agent', 'start'])
  })
  after(() => site.close())

  const rows = async (): Promise<number> => JSON.parse((await site.ask(HOST)).text).rows

  test('serves again what it served: the same release, as many instances, the data, the secret', { timeout: 60_000 }, async () => {
    const status = await site.until(({ state }) => state === 'up')
    assert.deepEqual([status.release, status.services[0]?.group?.instances.length], ['r2', 2])
    const answer = JSON.parse((await site.ask(HOST)).text)
    assert.deepEqual(answer, { rows: 4, knowsToken: true })
  })

  test('tells of its past: operations, releases, snapshots with their proofs, secrets', async () => {
    const { operations } = await site.look<{ operations: OperationRecord[] }>(['operations'])
    assert.deepEqual(
      operations.map(({ plan, state }) => `${plan.kind} ${state}`),
      ['drill done', 'backup done', 'scale done', 'deploy done', 'deploy done'],
    )
    const { releases } = await site.look<{ releases: ReleaseView[] }>(['releases'])
    assert.deepEqual(
      releases.map(({ id, reversible }) => [id, reversible]),
      [
        ['r2', 'proved'],
        ['r1', 'unproven'],
      ],
    )
    const { snapshots } = await site.look<{ snapshots: SnapshotView[] }>(['snapshots'])
    assert.deepEqual(
      snapshots.map(({ label, rung }) => [label, rung]),
      [
        ['of the fixture', 'booted'],
        ['before r2', 'content-equal'],
      ],
    )
    const { secrets } = await site.look<{ secrets: SecretView[] }>(['secrets'])
    assert.deepEqual(
      secrets.map(({ name, version }) => [name, version]),
      [['TOKEN', 1]],
    )
  })

  test('has a backup that is opened, compared and booted again', async () => {
    await site.must(['drill', 'newest-proven'])
  })

  test('knows that a plan saved there is no longer for it', async () => {
    await site.must(['scale', 'web=1'])
    const { code, error } = await site.operate(['deploy', '--plan', 'next.fettle-plan'])
    assert.deepEqual([code, error?.code], [4, 'CONFLICT'])
  })

  test('goes back to an older snapshot and an older release, and forward', async () => {
    await site.must(['restore', 'newest-proven'])
    assert.equal(await rows(), 4)
    await site.must(['rollback', 'production', 'r1'])
    assert.equal((await site.status()).release, 'r1')
    await site.must(['deploy'])
    assert.deepEqual([(await site.status()).release, await rows()], ['r3', 4])
  })
})

const raiseFormat = (path: string): void => {
  const text = readFileSync(path, 'utf8')
  const newer = text.replace(/"format": ?1/, '"format":2')
  assert.notEqual(newer, text)
  writeFileSync(path, newer)
}

const raiseJournal = (path: string): void => {
  const db = new DatabaseSync(path)
  db.exec('pragma user_version = 2')
  db.close()
}

const SNAPSHOTS = 'home/backups/snapshots/kept/production'
/** The last by name. */
const lastIn = (folder: string): string =>
  readdirSync(join(KEPT, folder))
    .sort()
    .findLast(name => name.endsWith('.json')) ?? ''
const newest = lastIn(SNAPSHOTS).replace('.json', '')

interface Newer {
  what: string
  /** Below the folder of home and app. */
  file: string
  /** What meets it. */
  argv: string[]
  raise?: (path: string) => void
}

const START = ['agent', 'start']
const ENVIRONMENT = 'home/apps/kept/production'
const GROUP = 'home/units/groups/kept.production.web.r2-op3'
const REHEARSED = 'home/logs/kept.production.web.op2-rehearse-boot.0'
const ARCHIVED = join(REHEARSED, lastIn(REHEARSED))
/** Without these no agent starts. */
const FIRST: Newer[] = [
  { what: 'a journal', file: 'home/agent/journal.db', argv: START, raise: raiseJournal },
  { what: 'settings', file: 'home/agent/settings.json', argv: START },
  { what: 'where the home was', file: 'home/agent/home.json', argv: START },
  { what: 'a group of instances', file: `${GROUP}/group.json`, argv: START },
  { what: 'an instance', file: `${GROUP}/0/spec.json`, argv: START },
  { what: 'the rotated log of an instance', file: `${GROUP}/0/log.json`, argv: START },
  { what: "the front's settings", file: 'home/front/listen.json', argv: START },
]
const LATER: Newer[] = [
  { what: 'a release', file: `${ENVIRONMENT}/releases/r2/release.json`, argv: ['deploy'] },
  { what: 'what was learnt about a release', file: `${ENVIRONMENT}/releases/r2/notes.json`, argv: ['releases'] },
  { what: 'how many instances are wanted', file: `${ENVIRONMENT}/scale.json`, argv: ['plan'] },
  { what: 'which repository has its snapshots', file: `${ENVIRONMENT}/repository.json`, argv: ['snapshots'] },
  { what: 'which repository it is', file: 'home/backups/repository.json', argv: ['snapshots'] },
  { what: 'a saved plan', file: 'app/next.fettle-plan', argv: ['deploy', '--plan', 'next.fettle-plan'] },
  { what: 'a snapshot', file: `${SNAPSHOTS}/${newest}.json`, argv: ['drill', newest] },
]

describe('what a newer fettle wrote is refused by name, with what to do, and not touched:', () => {
  let site: Installation
  before(async () => {
    site = await openHome()
    raiseFormat(join(site.paths.front, 'counters.json'))
    // None of the kept home's logs is long enough to have been rotated.
    await writeFile(join(site.folder, GROUP, '0/log.json'), '{"format":1,"segments":[]}\n')
  })
  after(() => site.close())

  async function mustRefuse({ file, argv, raise = raiseFormat }: Newer): Promise<void> {
    const path = join(site.folder, file)
    const known = readFileSync(path)
    raise(path)
    const newer = readFileSync(path)
    const { code, error, stderr } = await site.operate(argv)
    assert.deepEqual(readFileSync(path), newer)
    writeFileSync(path, known)
    assert.deepEqual([code, error?.code], [15, 'VERSION'], stderr)
    assert.match(error?.message ?? '', /newer fettle \(format 2, this one knows up to 1\)/)
    assert.match(error?.hint ?? '', /left as it is: use the fettle that wrote it, or a newer one/)
  }

  for (const newer of FIRST) test(newer.what, () => mustRefuse(newer))

  test("the front's counters: it serves on and counts anew, they lie beside", { timeout: 60_000 }, async () => {
    const { code, stderr } = await site.run(START)
    assert.equal(code, 0, stderr)
    await site.until(({ state }) => state === 'up')
    assert.match(await readFile(join(site.paths.front, 'counters.json.unread'), 'utf8'), /"format":2/)
  })

  for (const newer of LATER) test(newer.what, () => mustRefuse(newer))

  test('the archived log of an operation: all else is shown, and one line says what is not', async () => {
    const path = join(site.folder, ARCHIVED)
    const known = readFileSync(path)
    await site.run(['agent', 'stop'])
    raiseFormat(path)
    const newer = readFileSync(path)
    await site.run(START)
    const { code, stdout } = await site.run(['logs', '--operation', 'op2'])
    assert.equal(code, 0)
    assert.match(stdout, /can not read what else .* said: .*newer fettle \(format 2, this one knows up to 1\)/)
    assert.deepEqual(readFileSync(path), newer)
    writeFileSync(path, known)
  })

  test('a release, by an agent that starts: all else is served and changed as ever, and what it served serves on', async () => {
    const other = join(site.folder, 'other')
    await assembleSmall(other)
    await site.must(['deploy'], { cwd: other })
    const path = join(site.folder, `${ENVIRONMENT}/releases/r2/release.json`)
    const known = readFileSync(path)
    await site.run(['agent', 'stop'])
    raiseFormat(path)
    const newer = readFileSync(path)
    const { code, stderr } = await site.run(START)
    assert.equal(code, 0, stderr)
    const { environments } = await site.look<{ environments: EnvironmentStatus[] }>(['status', '--all'])
    const states = Object.fromEntries(environments.map(({ app, state }) => [app, state]))
    assert.deepEqual(states, { kept: 'unknown', small: 'up' })
    const why = environments.find(({ app }) => app === 'kept')?.why ?? ''
    assert.ok(why.includes(path), why)
    assert.match(why, /newer fettle \(format 2, this one knows up to 1\).*use the fettle that wrote it/)
    assert.equal((await site.ask(HOST)).status, 200)
    await site.must(['restart'], { cwd: other })
    assert.deepEqual(readFileSync(path), newer)
    writeFileSync(path, known)
    assert.equal((await site.status()).state, 'up')
  })

  test('a route table, by the front: nothing of it is served, and no deploy goes over it', async () => {
    await site.run(['agent', 'stop', '--everything', '--yes'])
    const path = join(site.folder, 'home/front/tables/kept/production.json')
    raiseFormat(path)
    const newer = readFileSync(path)
    await site.run(START)
    const { code, error } = await site.operate(['deploy'])
    assert.deepEqual([code, error?.code], [15, 'VERSION'])
    assert.deepEqual(readFileSync(path), newer)
  })
})
