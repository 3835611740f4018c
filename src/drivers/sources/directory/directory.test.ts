import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { FettleError } from '../../../core/errors.ts'
import { directorySource } from './index.ts'

const live = new AbortController().signal

async function setUp(t: TestContext, options: { hasBuild?: boolean; exclude?: string[] } = {}) {
  const base = await mkdtemp(join(tmpdir(), 'fettle-source-'))
  t.after(() => rm(base, { recursive: true, force: true }))
  const folder = join(base, 'src')
  const into = join(base, 'into')
  mkdirSync(folder)
  const write = (path: string, text = path) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const exclude = (options.exclude ?? []).map(path => join(folder, path))
  const source = directorySource({ folder, exclude, hasBuild: options.hasBuild ?? true })
  const taken = async () => {
    await source.fetch(into, live)
    return tree(into)
  }
  return { base, folder, into, write, source, taken }
}

/** Relative paths of everything, folders with a slash; links are not followed. */
function tree(folder: string, prefix = ''): string[] {
  const entries = readdirSync(join(folder, prefix), { withFileTypes: true })
  return entries
    .flatMap(entry =>
      entry.isDirectory() ? [`${prefix}${entry.name}/`, ...tree(folder, `${prefix}${entry.name}/`)] : [prefix + entry.name],
    )
    .sort()
}

const failsWith = (code: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof FettleError, String(error))
  assert.equal(error.code, code, error.message)
  assert.match(`${error.message}\n${error.hint}`, words)
  return true
}

test('files, empty folders, links and executable bits are copied, and both digests are the same', async t => {
  const { folder, into, write, source } = await setUp(t)
  write('a/b.txt', 'hello')
  write('empty', '')
  write('run.sh', '#!/bin/sh\n')
  write('large.bin', 'x'.repeat(3_000_000))
  chmodSync(join(folder, 'run.sh'), 0o755)
  mkdirSync(join(folder, 'tmp'))
  symlinkSync('../empty', join(folder, 'a', 'link'))
  symlinkSync('nowhere', join(folder, 'dangling'))
  const fetched = await source.fetch(into, live)
  assert.deepEqual(fetched, {
    digest: (await source.look()).digest,
    files: 4,
    bytes: 3_000_015,
    description: `folder ${folder}`,
  })
  assert.deepEqual(tree(into), ['a/', 'a/b.txt', 'a/link', 'dangling', 'empty', 'large.bin', 'run.sh', 'tmp/'])
  assert.equal(readFileSync(join(into, 'large.bin'), 'utf8').length, 3_000_000)
  assert.equal(readlinkSync(join(into, 'a', 'link')), '../empty')
  assert.equal(statSync(join(into, 'run.sh')).mode & 0o777, 0o755)
  assert.equal((await directorySource({ folder: into, exclude: [], hasBuild: true }).look()).digest, fetched.digest)
})

test('the digest changes with content, name, executable bit, link target and emptiness, and with nothing else', async t => {
  const { folder, write, source } = await setUp(t)
  write('a', 'one')
  symlinkSync('a', join(folder, 'l'))
  const changes: [string, () => unknown][] = [
    ['content', () => write('a', 'two')],
    ['another file', () => write('b')],
    ['executable', () => chmodSync(join(folder, 'a'), 0o755)],
    ['a folder', () => mkdirSync(join(folder, 'd'))],
    ['another name', () => renameSync(join(folder, 'b'), join(folder, 'c'))],
    ['link', () => execFileSync('ln', ['-sfn', 'c', join(folder, 'l')])],
    ['file for link', () => execFileSync('cp', ['--remove-destination', join(folder, 'c'), join(folder, 'l')])],
    ['swapped contents', () => ['a', 'c'].map((path, index) => write(path, index === 0 ? 'b' : 'two'))],
  ]
  const seen = [(await source.look()).digest]
  for (const [what, change] of changes) {
    change()
    const { digest } = await source.look()
    assert.ok(!seen.includes(digest), what)
    seen.push(digest)
  }
  chmodSync(join(folder, 'c'), 0o600)
  writeFileSync(join(folder, 'c'), readFileSync(join(folder, 'c')))
  assert.equal((await source.look()).digest, seen.at(-1))
})

test('what .gitignore names is left out, each file for its folder, as git has it', async t => {
  const { folder, write, taken } = await setUp(t)
  write('.gitignore', '*.log\n/build/\n!keep.log\nsecret dir/\nA.TXT\n')
  write('sub/.gitignore', '!special.log\n/local\n')
  for (const path of ['a.log', 'keep.log', 'build/x', 'sub/build/x', 'sub/a.log', 'sub/special.log', 'sub/local', 'sub/deep/local'])
    write(path)
  for (const path of ['secret dir/x', 'a.txt', 'A.TXT', 'odd\nname.log', 'back\\slash.log', ' space ', '#hash', '..dots']) write(path)
  execFileSync('git', ['init', '-q'], { cwd: folder })
  const git = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], { cwd: folder }).toString().split('\0').filter(Boolean).sort()
  assert.deepEqual(
    (await taken()).filter(path => !path.endsWith('/')),
    git,
  )
})

test('a saved plan is never part of a source, wherever it lies', async t => {
  const { write, taken } = await setUp(t)
  write('next.fettle-plan', '{}')
  write('plans/other.fettle-plan', '{}')
  write('app.js', '')
  assert.deepEqual(await taken(), ['app.js', 'plans/'])
})

test('.fettleignore decides alone when it is there', async t => {
  const { write, taken } = await setUp(t)
  write('.gitignore', 'dist\n')
  write('.fettleignore', 'docs\n')
  write('dist/app.js')
  write('docs/x')
  write('sub/.gitignore', '*\n')
  write('sub/x')
  assert.deepEqual(await taken(), ['.fettleignore', '.gitignore', 'dist/', 'dist/app.js', 'sub/', 'sub/.gitignore', 'sub/x'])
})

test('.git is never taken, and what is excluded is not either', async t => {
  const { write, taken } = await setUp(t, { exclude: ['state', '../elsewhere'] })
  for (const path of ['.git/config', 'module/.git', 'state/agent/x', 'sub/state', 'statement']) write(path)
  assert.deepEqual(await taken(), ['module/', 'statement', 'sub/', 'sub/state'])
})

test('node_modules is left out when there is a build to make it, and kept whole when there is none', async t => {
  for (const hasBuild of [true, false]) {
    const { write, taken } = await setUp(t, { hasBuild })
    write('.gitignore', 'node_modules\ndist\n')
    for (const path of ['dist/a', 'node_modules/m/dist/a', 'node_modules/m/.gitignore', 'sub/node_modules/n']) write(path, '*\n')
    const kept = ['node_modules/m/.gitignore', 'node_modules/m/dist/a', 'sub/node_modules/n']
    assert.deepEqual(
      (await taken()).filter(path => !path.endsWith('/')),
      hasBuild ? ['.gitignore'] : ['.gitignore', ...kept],
    )
  }
})

test('databases of the source are named: not those it leaves out, nor what only looks like one', async t => {
  const { folder, write, source } = await setUp(t, { hasBuild: false })
  write('.gitignore', 'local.db\n')
  write('words.db', 'no database')
  for (const path of ['app.db', 'data/other.sqlite3', 'local.db', 'node_modules/x/cache.db']) {
    write(path)
    rmSync(join(folder, path))
    new DatabaseSync(join(folder, path)).exec('CREATE TABLE t (x)')
  }
  assert.deepEqual((await source.look()).databases, ['app.db', 'data/other.sqlite3'])
})

test('hostile names are copied as they are', async t => {
  const { folder, into, source } = await setUp(t)
  const names = ['-rf', 'a\nb', '\x1b[31mred', '*', '$(id)', '"\'`', 'é', '\u202e', ' ', '~', 'x'.repeat(255)].map(name =>
    Buffer.from(name),
  )
  names.push(Buffer.from([0x66, 0xff, 0xfe, 0x80]), Buffer.from([0xc3]))
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), name)
  const { files } = await source.fetch(into, live)
  assert.equal(files, names.length)
  const copied = readdirSync(into, { encoding: 'buffer' })
  assert.deepEqual(copied.sort(Buffer.compare), names.sort(Buffer.compare))
  for (const name of names) assert.deepEqual(readFileSync(Buffer.concat([Buffer.from(`${into}/`), name])), name)
})

test('a path that is too long for the copy is named', async t => {
  const { base, folder } = await setUp(t)
  execFileSync('sh', [
    '-c',
    'cd "$1"; n=$(printf %0250d 0); for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do mkdir $n; cd $n; done; echo x > file',
    'sh',
    folder,
  ])
  const into = join(base, 'y'.repeat(250), 'y'.repeat(200))
  const source = directorySource({ folder, exclude: [], hasBuild: true })
  await assert.rejects(source.fetch(into, live), failsWith('REFUSED', /too long/))
})

test('a link that leaves the source is refused with its path and target', async t => {
  for (const target of ['/etc/passwd', '../outside', 'a/../../outside', 'a/../b', '..', 'a/./../..']) {
    const { folder, into, source, write } = await setUp(t)
    write('ok')
    symlinkSync(target, join(folder, 'bad'))
    await assert.rejects(source.fetch(into, live), (error: unknown) => {
      failsWith('REFUSED', /bad is a link to .*which .*\.fettleignore/s)(error)
      assert.ok(error instanceof FettleError && error.message.includes(target))
      return true
    })
    assert.deepEqual(tree(into), [])
    await assert.rejects(source.look(), failsWith('REFUSED', /bad is a link/))
    writeFileSync(join(folder, '.fettleignore'), 'bad\n')
    await source.fetch(into, live)
    assert.deepEqual(tree(into), ['.fettleignore', 'ok'])
  }
})

test('a link up to the root and down again is kept', async t => {
  const { folder, write, taken } = await setUp(t)
  write('a/b/x')
  symlinkSync('../../a/./b/', join(folder, 'a', 'b', 'up'))
  symlinkSync('..', join(folder, 'a', 'b', 'parent'))
  symlinkSync('.', join(folder, 'self'))
  assert.deepEqual(await taken(), ['a/', 'a/b/', 'a/b/parent', 'a/b/up', 'a/b/x', 'self'])
})

test('a pipe, a socket or a device is refused and never opened', async t => {
  const { folder, into, source } = await setUp(t)
  execFileSync('mkfifo', [join(folder, 'pipe')])
  await assert.rejects(source.fetch(into, live), failsWith('REFUSED', /pipe is no file, folder or link/))
  rmSync(join(folder, 'pipe'))
  const server = createServer().listen(join(folder, 'socket'))
  t.after(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  await assert.rejects(source.look(), failsWith('REFUSED', /socket is no file/))
})

test('a file that can not be read is named', { skip: process.geteuid?.() !== 0 && 'needs root to become somebody else' }, async t => {
  const { base, folder, into, source, write } = await setUp(t)
  write('ok')
  write('closed')
  chmodSync(join(folder, 'closed'), 0)
  for (const path of [base, folder]) chmodSync(path, 0o777)
  process.seteuid?.(65534)
  try {
    await assert.rejects(source.fetch(into, live), failsWith('REFUSED', /closed can not be read by this user/))
    await assert.rejects(source.look(), failsWith('REFUSED', /closed can not be read/))
  } finally {
    process.seteuid?.(0)
  }
})

test('a source that is no folder is not found', async t => {
  const { base, write } = await setUp(t)
  write('file')
  for (const folder of [join(base, 'nothing'), join(base, 'src', 'file')])
    await assert.rejects(directorySource({ folder, exclude: [], hasBuild: true }).look(), failsWith('NOT_FOUND', /is no folder/))
})

test('what an earlier fetch left is gone', async t => {
  const { into, write, taken } = await setUp(t)
  mkdirSync(join(into, 'old'), { recursive: true })
  write('new')
  assert.deepEqual(await taken(), ['new'])
})

test('a source that changes once while it is copied is read again, and one that always changes is refused', async t => {
  for (const isOnce of [true, false]) {
    const { into, source, write } = await setUp(t)
    write('a', 'before')
    write('big', 'x'.repeat(8_000_000))
    let changes = 0
    // The large file appears in the copy after the listing: from there on the listing is stale.
    const stop = isOnce
      ? whenever(join(into, 'big'), () => changes++ === 0 && write('a', 'after 1'))
      : everyTurn(() => write('a', `after ${changes++}`))
    t.after(stop)
    if (isOnce) {
      const { digest } = await source.fetch(into, live)
      assert.equal(readFileSync(join(into, 'a'), 'utf8'), 'after 1')
      assert.equal(digest, (await source.look()).digest)
    } else {
      await assert.rejects(source.fetch(into, live), failsWith('CONFLICT', /a changed while it was copied/))
      assert.deepEqual(tree(into), [])
    }
    stop()
  }
})

/** Calls back each time a new file is at the path. */
function whenever(path: string, callback: () => void): () => void {
  let seen = ''
  return everyTurn(() => {
    const stats = statSync(path, { throwIfNoEntry: false })
    const now = stats === undefined ? seen : `${stats.ino} ${stats.birthtimeMs}`
    if (now !== seen) callback()
    seen = now
  })
}

/** In each turn of the event loop, so that nothing that waits for the disk comes past it. */
function everyTurn(callback: () => void): () => void {
  let isOver = false
  const turn = (): void => {
    if (isOver) return
    callback()
    setImmediate(turn)
  }
  turn()
  return () => {
    isOver = true
  }
}

test('an abort ends it and leaves nothing', async t => {
  const { into, source, write } = await setUp(t)
  for (let n = 0; n < 200; n++) write(`f${n}`)
  write('z', 'x'.repeat(30_000_000))
  await assert.rejects(source.fetch(into, AbortSignal.abort()), failsWith('CANCELLED', /take the source/))
  const controller = new AbortController()
  const stop = whenever(join(into, 'z'), () => controller.abort())
  t.after(stop)
  await assert.rejects(source.fetch(into, controller.signal), failsWith('CANCELLED', /./))
  assert.deepEqual(tree(into), [])
})
