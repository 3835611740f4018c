import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { FettleError } from '../../../core/errors.ts'
import { Secret } from '../../../core/secret.ts'
import { systemClock } from '../../../lib/clock.ts'
import { openSecretFile } from './index.ts'

async function setUp(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-secrets-'))
  t.after(() => rm(folder, { recursive: true }))
  const project = join(folder, 'project')
  const on = (machine: string, environment = 'production') =>
    openSecretFile({ project, home: join(folder, machine), app: 'shop', environment }, systemClock)
  return { folder, project, on, file: join(project, 'secrets', 'production.age'), key: join(folder, 'here', 'keys', 'shop.key') }
}

const failsWith = (code: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof FettleError, String(error))
  assert.equal(error.code, code)
  assert.match(`${error.message}\n${error.hint}`, words)
  assert.doesNotMatch(JSON.stringify(error) + String(error.cause), /hunter2/)
  return true
}

test('a value comes back by name and version, also an earlier one', async t => {
  const { on } = await setUp(t)
  const first = await on('here').set('KEY', new Secret('hunter2'))
  const second = await on('here').set('KEY', new Secret('hunter3'), { rotated: true })
  assert.deepEqual(
    [first, second].map(ref => ref.version),
    [1, 2],
  )
  assert.equal((await on('here').open(first)).reveal(), 'hunter2')
  assert.equal((await on('here').open(second)).reveal(), 'hunter3')
  assert.deepEqual(await on('here').latest(), [{ name: 'KEY', version: 2, rotated: 2 }])
})

test('any text up to 64 KiB comes back as it was', async t => {
  const { on } = await setUp(t)
  const source = on('here')
  for (const value of ['a\r\nb\n\n', '\0\u0001\u007f', '☃𝄞', '"\\', ' ', randomBytes(32 * 1024).toString('hex')])
    assert.equal((await source.open(await source.set('KEY', new Secret(value)))).reveal(), value)
  await assert.rejects(source.set('KEY', new Secret('x'.repeat(64 * 1024 + 1))), failsWith('USAGE', /65537 bytes/))
})

test('an empty value is refused unless it is asked for', async t => {
  const { on } = await setUp(t)
  await assert.rejects(on('here').set('KEY', new Secret('')), failsWith('USAGE', /is empty.*`fettle secrets remove KEY`/s))
  const ref = await on('here').set('KEY', new Secret(''), { allowEmpty: true })
  assert.equal((await on('here').open(ref)).reveal(), '')
})

test('names that are none are refused, and the file is not made', async t => {
  const { on, project } = await setUp(t)
  for (const name of ['', '1A', 'A B', 'A\nB', '../x', 'A=B', '__proto__', 'ä', 'A'.repeat(129)])
    await assert.rejects(on('here').set(name, new Secret('hunter2')), failsWith('USAGE', /can not name/))
  await assert.rejects(readdir(project), { code: 'ENOENT' })
  assert.throws(() => on('here', '../production'), failsWith('USAGE', /no name/))
})

test('the file is armored, and the age of the system opens it with the key', async t => {
  const { on, file, key } = await setUp(t)
  await on('here').set('KEY', new Secret('hunter2'))
  const text = await readFile(file, 'utf8')
  assert.match(text, /^-----BEGIN AGE ENCRYPTED FILE-----\n/)
  assert.ok(text.split('\n').every(line => line.length <= 64))
  const content = JSON.parse(execFileSync('age', ['-d', '-i', key, file]).toString())
  assert.equal(content.secrets.KEY.value, 'hunter2')
})

test('a file that the age of the system wrote is read', async t => {
  const { on, file, key, project } = await setUp(t)
  await on('here').set('KEY', new Secret('hunter2'))
  const plain = execFileSync('age', ['-d', '-i', key, file])
  execFileSync('age', ['-a', '-R', join(project, 'secrets', 'recipients.txt'), '-o', file], { input: plain })
  assert.equal((await on('here').open({ name: 'KEY', version: 1 })).reveal(), 'hunter2')
})

test('the key is for its owner alone, and one that others can read is refused', async t => {
  const { on, key } = await setUp(t)
  await on('here').set('KEY', new Secret('hunter2'))
  assert.equal((await stat(key)).mode & 0o777, 0o600)
  assert.match(execFileSync('age-keygen', ['-y', key]).toString(), /^age1/)
  await chmod(key, 0o640)
  await assert.rejects(on('here').latest(), failsWith('SECRET_LOCKED', /chmod 600/))
})

test('a folder in the place of a file is named', async t => {
  const { on, file, key, project } = await setUp(t)
  await on('here').set('KEY', new Secret('hunter2'))
  for (const path of [file, key, join(project, 'secrets', 'recipients.txt')]) {
    const text = await readFile(path)
    await rm(path)
    await mkdir(path)
    await assert.rejects(
      on('here').set('MORE', new Secret('x')),
      failsWith('DAMAGED', new RegExp(`${path} is a folder.*Move it away`, 's')),
    )
    await rm(path, { recursive: true })
    await writeFile(path, text, { mode: 0o600 })
  }
})

test('without a key, or with another, the file stays locked and no key is made by reading', async t => {
  const { on, folder } = await setUp(t)
  const key = await on('here').set('KEY', new Secret('hunter2'))
  await assert.rejects(on('there').open(key), failsWith('SECRET_LOCKED', /there is no key .*Copy .*\.key from a machine/s))
  assert.equal((await readdir(folder)).includes('there'), false)
  const [other] = await on('there').publicKeys()
  await assert.rejects(on('there').list(), failsWith('SECRET_LOCKED', new RegExp(`does not open it.*${other}`, 's')))
  await assert.rejects(on('there').set('MORE', new Secret('x')), failsWith('SECRET_LOCKED', /does not open it/))
})

test('a second machine reads and writes once its key is a recipient', async t => {
  const { on, project } = await setUp(t)
  await on('here').set('KEY', new Secret('hunter2'))
  const [other] = await on('there').publicKeys()
  await writeFile(join(project, 'secrets', 'recipients.txt'), `${other} # the other\n${(await on('here').publicKeys())[0]}\n`)
  await on('here').reencrypt()
  await on('there').set('MORE', new Secret('from there'))
  assert.deepEqual(
    (await on('here').list()).map(secret => secret.name),
    ['KEY', 'MORE'],
  )
})

test('nothing is encrypted for a list that lacks the own key, or holds a line that is no key', async t => {
  const { on, project } = await setUp(t)
  const recipients = join(project, 'secrets', 'recipients.txt')
  await mkdir(join(project, 'secrets'), { recursive: true })
  await writeFile(recipients, `${(await on('there').publicKeys())[0]}\n`)
  await assert.rejects(
    on('here').set('KEY', new Secret('hunter2')),
    failsWith('SECRET_LOCKED', /does not name the key of this machine: age1/),
  )
  for (const [text, words] of [
    ['ssh-ed25519 AAAA', /holds "ssh-ed25519 AAAA", which is no public key/],
    ['age1wrong', /age1wrong is no valid public key|no public key/],
    ['# none\n', /names nobody/],
  ] as const) {
    await writeFile(recipients, `${text}\n${text.startsWith('#') ? '' : (await on('here').publicKeys())[0]}\n`)
    await assert.rejects(on('here').set('KEY', new Secret('hunter2')), failsWith('DAMAGED', words))
  }
})

test('damage is named, with the way back', async t => {
  const { on, file } = await setUp(t)
  await on('here').set('KEY', new Secret('hunter2'))
  const whole = await readFile(file, 'utf8')
  const lines = whole.split('\n')
  const flipped = lines
    .with(
      -4,
      (lines.at(-4) ?? '').replace(/^./, char => (char === 'A' ? 'B' : 'A')),
    )
    .join('\n')
  for (const text of ['', 'hello', whole.slice(0, whole.length / 2), flipped, `<<<<<<< ours\n${whole}=======\n${whole}>>>>>>> theirs\n`]) {
    await writeFile(file, text)
    await assert.rejects(on('here').latest(), failsWith('DAMAGED', /git log --oneline/))
    await assert.rejects(on('here').set('KEY', new Secret('new')), failsWith('DAMAGED', /git log/))
    assert.equal(await readFile(file, 'utf8'), text)
  }
})

test('an encrypted file with other content is refused without showing it', async t => {
  const { on, file, project } = await setUp(t)
  await on('here').set('KEY', new Secret('x'))
  const write = (plain: string) =>
    execFileSync('age', ['-a', '-R', join(project, 'secrets', 'recipients.txt'), '-o', file], { input: plain })
  write('KEY=hunter2')
  await assert.rejects(on('here').latest(), failsWith('DAMAGED', /does not hold JSON/))
  write('{"format":1,"secrets":{"KEY":{"value":"hunter2"}},"history":{}}')
  await assert.rejects(on('here').latest(), failsWith('DAMAGED', /secrets\.KEY\.version/))
  write('{"format":2}')
  await assert.rejects(on('here').latest(), failsWith('VERSION', /newer fettle/))
})

test('a version that the file lacks is missing, and the hint says how to set it', async t => {
  const { on } = await setUp(t)
  await assert.rejects(
    on('here').open({ name: 'KEY', version: 1 }),
    failsWith('SECRET_MISSING', /holds nothing.*fettle secrets set KEY --env production/s),
  )
  await on('here').set('KEY', new Secret('hunter2'))
  await assert.rejects(on('here').open({ name: 'KEY', version: 2 }), failsWith('SECRET_MISSING', /holds versions 1/))
})

test('a removed secret is gone from the list and can still be opened by the release that has it', async t => {
  const { on } = await setUp(t)
  assert.equal(await on('here').latest(), undefined, 'there never was one')
  const ref = await on('here').set('KEY', new Secret('hunter2'))
  assert.equal(await on('here').remove('KEY'), true)
  assert.equal(await on('here').remove('KEY'), false)
  assert.deepEqual([await on('here').list(), await on('here').latest()], [[], []])
  assert.equal((await on('here').open(ref)).reveal(), 'hunter2')
  await on('here').prune([])
  assert.equal((await on('here').set('KEY', new Secret('hunter2'))).version, 2)
})

test('environments have files of their own and one key', async t => {
  const { on } = await setUp(t)
  await Promise.all([on('here').set('KEY', new Secret('live')), on('here', 'staging').set('KEY', new Secret('stage'))])
  assert.equal((await on('here', 'staging').open({ name: 'KEY', version: 1 })).reveal(), 'stage')
  assert.equal((await on('here').open({ name: 'KEY', version: 1 })).reveal(), 'live')
})

/** A process that sets KEY to `<argument><n>` so many times, and says so each time. */
async function setterScript(folder: string, project: string): Promise<string> {
  const script = join(folder, 'set.ts')
  const place = { project, home: join(folder, 'here'), app: 'shop', environment: 'production' }
  await writeFile(
    script,
    `import { Secret } from ${JSON.stringify(import.meta.resolve('../../../core/secret.ts'))}
     import { systemClock } from ${JSON.stringify(import.meta.resolve('../../../lib/clock.ts'))}
     import { openSecretFile } from ${JSON.stringify(import.meta.resolve('./index.ts'))}
     const file = openSecretFile(${JSON.stringify(place)}, systemClock)
     for (let n = 0; n < Number(process.argv[3]); n++) console.log((await file.set('KEY', new Secret(process.argv[2] + n))).version)`,
  )
  return script
}

test('what several processes set at once is all there, each version once', async t => {
  const { on, folder, project } = await setUp(t)
  const script = await setterScript(folder, project)
  await Promise.all(['a', 'b', 'c', 'd'].map(name => promisify(execFile)(process.execPath, [script, name, '3'])))
  const [latest] = await on('here').list()
  assert.equal(latest?.version, 12)
  const values = await Promise.all(Array.from({ length: 12 }, (_, n) => on('here').open({ name: 'KEY', version: n + 1 })))
  assert.equal(new Set(values.map(value => value.reveal())).size, 12)
  assert.deepEqual((await readdir(join(project, 'secrets'))).sort(), ['production.age', 'recipients.txt'])
})

test('a writer that is killed loses nothing that it said, and leaves no half file and no lock', async t => {
  const { on, folder, project } = await setUp(t)
  const script = await setterScript(folder, project)
  let said = 0
  for (let round = 1; round <= 4; round++) {
    const writer = spawn(process.execPath, [script, `r${round}-`, '1000000'], { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const line of createInterface(writer.stdout)) {
      if (Number(line) >= said + round * 3) writer.kill('SIGKILL')
      else continue
      said = Number(line)
    }
    const [latest] = await on('here').list()
    assert.ok((latest?.version ?? 0) >= said)
    said = latest?.version ?? 0
  }
  await on('here').set('LAST', new Secret('one'))
  assert.deepEqual((await readdir(join(project, 'secrets'))).sort(), ['production.age', 'recipients.txt'])
})

test('what somebody else wrote in the meantime is read before it is changed', async t => {
  const { on, project, folder } = await setUp(t)
  const mine = on('here')
  await mine.set('KEY', new Secret('one'))
  const copy = join(folder, 'pulled')
  await cp(project, copy, { recursive: true })
  const theirs = openSecretFile({ project: copy, home: join(folder, 'here'), app: 'shop', environment: 'production' }, systemClock)
  await theirs.set('THEIRS', new Secret('two'))
  await cp(copy, project, { recursive: true })
  await mine.set('MINE', new Secret('three'))
  assert.deepEqual(
    (await mine.list()).map(secret => secret.name),
    ['KEY', 'MINE', 'THEIRS'],
  )
})
