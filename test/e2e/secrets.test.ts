/** Secrets: never in the source, in the environment of the services alone, kept with the release that used them. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { cp, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import type { About, SecretView } from '../../src/api/views.ts'
import type { OperationRecord } from '../../src/core/plan.ts'
import { MASK } from '../../src/core/secret.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

const HOST = 'workshop.test'
const FIRST = 'first/"secret"+välue=1'
const SECOND = 'second/secret\\value=2'
const ROTATED = 'rotated/secret+value=3\nof "two" lines'

test('that is taken out of the file and removed is no reason to refuse the release without it', async t => {
  const site = await openInstallation(into => assembleSmall(into, 'secrets: [TOKEN, OTHER]\n'))
  t.after(() => site.close())
  await site.edit('fettle.yaml', text =>
    text.replace('rehearse: off', 'migrate: "true"').replace('"${release}" }', '"${release}", TOKEN: "${secrets.TOKEN}" }'),
  )
  for (const name of ['TOKEN', 'OTHER']) await site.run(['secrets', 'set', name], { stdin: FIRST })
  await site.must(['deploy'])
  await site.edit('fettle.yaml', text => text.replace(', TOKEN: "${secrets.TOKEN}"', '').replace('[TOKEN, OTHER]', '[OTHER]'))
  assert.equal((await site.run(['secrets', 'remove', 'TOKEN'])).code, 0)
  await site.must(['deploy'])
  const back = async () => (await site.operate(['rollback', 'production', 'r1', '--yes'])).error?.code
  assert.equal(await back(), 'SECRET_MISSING', 'it can not be gone back to')
  await site.run(['secrets', 'remove', 'OTHER'])
  assert.equal(await back(), 'SECRET_MISSING', 'nor when no secret at all is left')
})

test('that can not be read for the release that serves is no fault of the migration', async t => {
  const site = await openInstallation(into => assembleSmall(into, 'secrets: [TOKEN]\n'))
  t.after(() => site.close())
  await site.edit('fettle.yaml', text =>
    text.replace('rehearse: off', 'migrate: "true"').replace('"${release}" }', '"${release}", TOKEN: "${secrets.TOKEN}" }'),
  )
  await site.run(['secrets', 'set', 'TOKEN'], { stdin: FIRST })
  await site.must(['deploy'])
  await site.edit('fettle.yaml', text => text.replace(', TOKEN: "${secrets.TOKEN}"', '').replace('secrets: [TOKEN]\n', ''))
  await site.edit('secrets/production.age', text => text.slice(0, 100))
  const { error } = await site.operate(['deploy', '--yes'])
  assert.equal(error?.code, 'DAMAGED', error?.message)
  assert.match(error?.message ?? '', /production\.age/)
})

test('whose value was written into the file as well is warned of by the plan, and shown by none', async t => {
  const site = await openInstallation(into => assembleSmall(into, 'secrets: [TOKEN]\n'))
  t.after(() => site.close())
  const value = 'riz6ea6vohw8/Quae7'
  await site.run(['secrets', 'set', 'TOKEN'], { stdin: value })
  await site.edit('fettle.yaml', text =>
    text
      .replace(/run: (.*?)([,\n])/, `run: $1 ${'x'.repeat(30)} --api-token=${value}$2`)
      .replace('"${release}" }', '"${release}", TOKEN: "${secrets.TOKEN}" }'),
  )
  const { stdout } = await site.run(['plan'])
  assert.match(stdout, /the value of secret TOKEN stands in fettle\.yaml in plain text \(services\.web\.run\)/)
  const told = [stdout, (await site.run(['plan', '--json'])).stdout]
  await site.must(['deploy'])
  told.push((await site.run(['operations', '--json'])).stdout)
  for (const text of told) assert.ok(text.includes('x'.repeat(20)) && !text.includes(value.slice(0, 5)), text)
})

test('whose value is a name in the file, or a part of one, is told so when it is set, and breaks no message, also of the next agent', async t => {
  const more = 'secrets: [P, USER]\nenvironments: { production: {}, staging: { routes: [{ host: st.test, to: web }] } }\n'
  const site = await openInstallation(into => assembleSmall(into, more))
  t.after(() => site.close())
  await site.edit('fettle.yaml', text => text.replace('"${release}" }', '"${release}", USER: "${secrets.USER}" }'))
  for (const [name, value] of [
    ['P', 'prod'],
    ['USER', 'staging'],
  ] as const)
    assert.match((await site.run(['secrets', 'set', name], { stdin: value })).stdout, /is a name in fettle\.yaml too.*not hidden/)
  await site.must(['deploy'])
  assert.equal((await site.run(['run', 'sh', '-c', 'echo "$USER"'])).stdout, 'staging\n')
  process.kill((await site.look<About>(['agent', 'status'])).pid, 'SIGKILL')
  assert.equal((await site.run(['agent', 'start'])).code, 0)
  const { stderr } = await site.run(['status', '--env', 'stagng'])
  assert.match(stderr, /did you mean "staging"\?\n→ It has: production, staging\./)
  assert.match((await site.run(['deploy', 'staging', '--yes'])).stderr, /fettle secrets set P --env staging/)
})

test('that is too long to be kept is refused at once, and keeps nobody else waiting', { timeout: 60_000 }, async t => {
  const site = await openInstallation(into => assembleSmall(into, 'secrets: [A]\n'))
  t.after(() => site.close())
  const { code, stderr } = await site.run(['secrets', 'set', 'A'], { stdin: randomBytes(200_000).toString('base64') })
  assert.equal(code, 2)
  assert.match(stderr, /the value of A has 266668 bytes, more than 65536/)
  assert.equal((await site.run(['secrets', 'list'])).code, 0)
})

describe('a secret', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => cp(join(import.meta.dirname, 'workshop'), into, { recursive: true }))
    await site.edit('fettle.yaml', text =>
      text
        .replace('RELEASE: "${release}" }', 'RELEASE: "${release}", GREETING: "${secrets.TOKEN}" }')
        .replace('release:\n', 'secrets: [TOKEN]\nrelease:\n'),
    )
  })
  after(() => site.close())

  /** Printed by the app in every form: what an app does with its secrets is its own affair. */
  const print = async (value: string): Promise<void> => {
    for (const [form, word] of Object.entries(formsOf(value)))
      await site.ask(HOST, `/print?lines=1&word=${encodeURIComponent(`${form}<${word}>`)}`)
  }
  const shownOf = async (value: string): Promise<string[]> => {
    const { stdout, stderr, code } = await site.run(['logs'])
    assert.equal(code, 0, stderr)
    return Object.values(formsOf(value)).filter(form => form.split('\n').some(line => stdout.includes(line)))
  }
  const valueInUse = async (): Promise<string> => JSON.parse((await site.ask(HOST)).text).greeting
  const set = (value: string, ...options: string[]) => site.run(['secrets', 'set', 'TOKEN', ...options], { stdin: value })

  test('that is missing stops a deploy before it begins: it is named, exit code 12', async () => {
    const { code, error, operation } = await site.operate(['deploy', '--yes'])
    assert.deepEqual([code, error?.code, operation], [12, 'SECRET_MISSING', undefined])
    assert.match(error?.hint ?? '', /fettle secrets set TOKEN --env production/)
  })

  test('is not taken from the command line, and a value typed there is not repeated', async () => {
    const { code, stdout, stderr } = await site.run(['secrets', 'set', `TOKEN=${FIRST}`])
    assert.equal(code, 2)
    assert.ok(!`${stdout}${stderr}`.includes(FIRST))
  })

  test('is taken from standard input, reaches the service, and is listed without its value', async () => {
    assert.equal((await set(`${FIRST}\n`)).code, 0)
    await site.must(['deploy'])
    assert.equal(await valueInUse(), FIRST)
    const listed = await site.run(['secrets', 'list', '--json'])
    const { secrets } = JSON.parse(listed.stdout) as { secrets: SecretView[] }
    assert.deepEqual(
      secrets.map(({ name, version }) => [name, version]),
      [['TOKEN', 1]],
    )
    assert.ok(!listed.stdout.includes(FIRST))
  })

  test('that is not there can not be removed: the error names the one that was meant', async () => {
    const { code, stderr } = await site.run(['secrets', 'remove', 'TOKNE'])
    assert.equal(code, 3)
    assert.match(stderr, /production has no secret TOKNE\n→ Did you mean TOKEN\?/)
  })

  test('that no process could get as it is is refused when it is set', async () => {
    for (const [value, why] of [
      [Buffer.from('abc\xff\xfe', 'latin1'), /no text in UTF-8/],
      [Buffer.from('abc\0def'), /zero byte/],
    ] as const) {
      const { code, stderr } = await site.run(['secrets', 'set', 'TOKEN'], { stdin: value })
      assert.equal(code, 2)
      assert.match(stderr, why)
    }
  })

  test('that was changed comes with the next deploy, which says so; a rollback brings the old one back', async () => {
    await set(SECOND)
    assert.equal(await valueInUse(), FIRST, 'not before')
    const { plan } = await site.must(['deploy'])
    assert.deepEqual(
      plan.lines.map(({ text }) => text),
      ['secret TOKEN: changed (version 1 → 2)'],
    )
    assert.equal(await valueInUse(), SECOND)
    await site.must(['rollback'])
    assert.equal(await valueInUse(), FIRST)
  })

  test('that was rotated, for its old value is worth nothing now, stays the new one after a rollback', async () => {
    await set(ROTATED, '--rotated')
    await site.must(['deploy'])
    assert.equal(await valueInUse(), ROTATED)
    await site.must(['rollback', 'production', 'r1'])
    assert.equal(await valueInUse(), ROTATED)
  })

  test('that an app prints is hidden in its logs and in what a command says, in whatever form', async () => {
    await print(ROTATED)
    assert.match((await site.run(['logs'])).stdout, /json<•+>/)
    for (const value of [FIRST, SECOND, ROTATED]) assert.deepEqual(await shownOf(value), [])
    const ran = await site.run(['run', '--json', 'sh', '-c', 'echo "$GREETING"'])
    assert.match(ran.stdout, /"text":"•+"/)
    assert.ok(!ran.stdout.includes('rotated'))
  })

  test('that a command prints is hidden in it and in what is kept of it, and told of; --raw passes it on as it is', async () => {
    const say = ['sh', '-c', 'echo "$GREETING"; echo "$GREETING" >&2']
    const ran = await site.run(['run', ...say])
    assert.equal(ran.stdout, `${MASK}\n`)
    assert.ok(ran.stderr.startsWith(`${MASK}\na secret was hidden in what it printed, 2 times → \`--raw\` passes`), ran.stderr)
    const raw = await site.run(['run', '--raw', ...say])
    assert.deepEqual([raw.stdout, raw.stderr], [`${ROTATED}\n`, `${ROTATED}\n`])
    const [operation] = (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations
    const kept = await site.run(['logs', '--operation', operation?.id ?? ''])
    assert.match(kept.stdout, /•+/)
    assert.ok(!kept.stdout.includes(ROTATED))
  })

  test('[classroom7-13] stands in no file in the clear but the environment of the units and what they printed, in no list of processes, and not in the source', async () => {
    await print(ROTATED)
    await site.must(['backup'])
    await site.must(['drill'])
    await site.must(['restart'])
    const ofUnits = /\/units\/groups\/[^/]+\/\d+\/(env|log)$|\/logs\/[^/]+\/[^/]+\.log\.zst$/
    const all = [...filesWith(site.home, ['']), ...filesWith(site.app, [''])]
    let inLogs = 0
    for (const value of [FIRST, SECOND, ROTATED]) {
      const forms = Object.values(formsOf(value))
      const found = all.filter(path => forms.some(form => contentOf(path).includes(form)))
      inLogs += found.filter(path => !path.endsWith('env')).length
      assert.deepEqual(
        found.filter(path => !ofUnits.test(path)),
        [],
        'files with a value in the clear',
      )
      for (const path of found) assert.equal((await stat(path)).mode & 0o077, 0, `${path} is for its owner alone`)
      assert.deepEqual(commandLinesWith(forms), [])
    }
    assert.ok(inLogs > 0, 'the app did print one')
    assert.match(await readFile(join(site.app, 'secrets/production.age'), 'latin1'), /^age-encryption|^-----BEGIN AGE/)
  })

  test('and what else is private in the home is for its owner alone, also where the home itself were not', async () => {
    for (const folder of [site.paths.agent, site.paths.keys, site.paths.units])
      for (const path of [folder, ...filesWith(folder, [''])]) assert.equal((await stat(path)).mode & 0o077, 0, path)
  })

  test('that was removed is missed by the next deploy, which is refused while the release that uses it serves on', async () => {
    assert.equal((await site.run(['secrets', 'remove', 'TOKEN'])).code, 0)
    await site.edit('version', () => '2')
    const { code, error } = await site.operate(['deploy', '--yes'])
    assert.deepEqual([code, error?.code], [12, 'SECRET_MISSING'])
    assert.equal(await valueInUse(), ROTATED)
  })

  test('that was printed once stays hidden when the agent was killed, though it was replaced or removed since', async () => {
    await print(ROTATED)
    const { pid } = await site.look<About>(['agent', 'status'])
    process.kill(pid, 'SIGKILL')
    assert.equal((await site.run(['agent', 'start'])).code, 0)
    for (const value of [FIRST, SECOND, ROTATED]) assert.deepEqual(await shownOf(value), [])
    assert.match((await site.run(['logs'])).stdout, /json<•+>/)
    assert.notEqual((await site.look<About>(['agent', 'status'])).pid, pid)
  })
})

describe('a secret that looks like a word, a number or a name of fettle', () => {
  const VALUES = { A: 'state', B: '1795', C: 'production', D: 'workshop', E: 'web', F: 'null', G: 'message' }
  let site: Installation
  before(async () => {
    site = await openInstallation(into => cp(join(import.meta.dirname, 'workshop'), into, { recursive: true }))
    await site.edit('fettle.yaml', text => text.replace('release:\n', `secrets: [${Object.keys(VALUES).join(', ')}]\nrelease:\n`))
    for (const [name, value] of Object.entries(VALUES)) assert.equal((await site.run(['secrets', 'set', name], { stdin: value })).code, 0)
  })
  after(() => site.close())

  test('breaks nothing: deploys, drills, answers and restarts are as with any other', async () => {
    const { operation } = await site.must(['deploy'])
    assert.equal(operation.state, 'done')
    await site.must(['backup'])
    await site.must(['drill'])
    const { app, environment, state, release } = await site.status()
    assert.deepEqual([app, environment, state, release], ['workshop', 'production', 'up', 'r1'])
    assert.equal((await site.operation(operation.id)).state, 'done')
    for (const command of [
      ['operations'],
      ['releases'],
      ['snapshots'],
      ['secrets', 'list'],
      ['logs'],
      ['doctor'],
      ['agent', 'stop'],
      ['status', '--env', 'production'],
    ]) {
      const { code, stderr } = await site.run(command)
      assert.equal(code, command[0] === 'status' ? 14 : 0, `${command.join(' ')}: ${stderr}`)
    }
    await site.must(['restart'])
  })

  test('is a word like any other in what another app on the same agent says, and hidden in what its own says', async () => {
    const other = join(site.folder, 'other')
    await assembleSmall(other, `environments: { production: {} }\n`)
    const deployed = await site.operate(['deploy', '--yes'], { cwd: other })
    assert.equal(deployed.code, 0, deployed.stderr)
    const say = ['run', 'sh', '-c', 'echo state in message >&2; exit 1', 'state']
    const refused = ['deploy', '--env', 'message', '--yes']
    for (const [cwd, isHidden] of [
      [other, false],
      [site.app, true],
    ] as const) {
      const ran = await site.run(say, { cwd })
      assert.equal(ran.stderr.includes('•'), isHidden, ran.stderr)
      const [last] = (await site.look<{ operations: OperationRecord[] }>(['operations'], { cwd })).operations
      const { stdout: said } = await site.run(['logs', '--operation', last?.id ?? ''], { cwd })
      assert.match(said, / in /)
      const { stderr: failed } = await site.run(refused, { cwd })
      assert.deepEqual([said.includes('•'), failed.includes('•')], [isHidden, isHidden], said + failed)
    }
    assert.doesNotMatch(deployed.stdout, /•/)
  })

  test('that is too short to be hidden is told so when it is set', async () => {
    const { code, stdout } = await site.run(['secrets', 'set', 'E'], { stdin: 'abc' })
    assert.equal(code, 0)
    assert.match(stdout, /shorter than 4 characters/)
  })
})

const formsOf = (value: string): Record<string, string> => ({
  raw: value,
  json: JSON.stringify(value).slice(1, -1),
  base64: Buffer.from(value).toString('base64').replaceAll('=', ''),
  url: encodeURIComponent(value),
})

/** Files below a folder that hold one of the texts; packed ones are unpacked. */
function filesWith(folder: string, texts: string[]): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const paths = files.map(({ parentPath, name }) => join(parentPath, name))
  return paths.filter(path => {
    const bytes = contentOf(path)
    return texts.some(text => bytes.includes(text))
  })
}

function contentOf(path: string): Buffer {
  try {
    const bytes = readFileSync(path)
    return path.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0) // it went meanwhile
    throw error
  }
}

const commandLinesWith = (texts: string[]): string[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter(pid => {
      const line = contentOf(`/proc/${pid}/cmdline`)
      return texts.some(text => line.includes(text))
    })
