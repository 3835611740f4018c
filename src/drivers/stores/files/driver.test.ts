import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { storeConformance } from '../../../../test/conformance/store.ts'
import { collectBytes, dumpOptions, hasCode, testRepository } from '../../../../test/helpers/repository.ts'
import { temporaryFolder } from '../../../../test/helpers/temporary.ts'
import { comparedRows, compareFingerprints } from '../../../core/fingerprint.ts'
import { Fingerprint, Loss } from '../../../core/snapshot.ts'
import type { DumpOptions, Sink, SnapshotPart, Source } from '../../../ports/store.ts'
import { type Entry, floorDivide, pathBytes, rawPath, shownPath } from './entry.ts'
import { filesStore } from './index.ts'
import { END_OF_ARCHIVE, padding, tarHeader } from './tar-write.ts'

const config = { files: '.' }
const signal = new AbortController().signal
const OLD = 1_600_000_000

/** Times set back: a file as young as the dump is read again, which most tests do not want to be about. */
function write(path: string, text: string, seconds = OLD): void {
  writeFileSync(path, text)
  utimesSync(path, seconds, seconds)
}

storeConformance('files', {
  store: filesStore,
  config,
  fill(path) {
    mkdirSync(join(path, 'sub'))
    for (const name of ['a', 'b', 'sub/c']) write(join(path, name), name)
    for (const folder of [join(path, 'sub'), path]) utimesSync(folder, OLD, OLD)
  },
  change(path) {
    write(join(path, 'sub/n1'), 'new')
    write(join(path, 'n2'), 'new')
    write(join(path, 'a'), 'A')
  },
  changeBack(path) {
    for (const name of ['sub/n1', 'n2']) rmSync(join(path, name))
    write(join(path, 'a'), 'a')
    for (const folder of [join(path, 'sub'), path]) utimesSync(folder, OLD, OLD)
  },
})

/** What a person would compare: names as bytes, kinds, modes, times to the microsecond, contents, targets. */
function listing(root: string): string[] {
  const lines: string[] = []
  const visit = (path: Buffer) => {
    const stats = lstatSync(path, { bigint: true })
    const content = stats.isFile() ? readFileSync(path, 'latin1') : stats.isSymbolicLink() ? readlinkSync(path, 'latin1') : ''
    const kind = stats.isFile() ? 'file' : stats.isSymbolicLink() ? 'link' : 'folder'
    const mode = kind === 'link' ? '' : (stats.mode & 0o7777n).toString(8)
    lines.push([path.subarray(root.length).toString('latin1'), kind, mode, floorDivide(stats.mtimeNs, 1000n), content].join('|'))
    if (stats.isDirectory()) for (const name of readdirSync(path, 'buffer')) visit(Buffer.concat([path, Buffer.from('/'), name]))
  }
  visit(Buffer.from(root))
  return lines.sort()
}

function hostileTree(root: string): void {
  mkdirSync(root)
  const bytes = (name: string) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')])
  for (const name of [
    '-rf',
    '--help',
    'new\nline',
    'tab\t"quote\'',
    ' blank ',
    '*',
    '\\',
    '\xff\xfe',
    '\xc3(',
    'a'.repeat(255),
    '…',
    '.hidden',
    '~',
    '$HOME',
    '%s',
  ])
    writeFileSync(bytes(name), name)
  mkdirSync(bytes('\xe9t\xe9'))
  writeFileSync(bytes('\xe9t\xe9/x'), '')
  const deep = `${'d'.repeat(100)}/`.repeat(15)
  mkdirSync(join(root, deep), { recursive: true })
  writeFileSync(join(root, deep, 'f'.repeat(200)), 'deep')
  symlinkSync('/etc/passwd', join(root, 'outside'))
  symlinkSync('../'.repeat(100), join(root, 'up'))
  symlinkSync('nowhere', join(root, 'dangling'))
  symlinkSync('t'.repeat(300), join(root, 'long-target'))
  symlinkSync(Buffer.from([0xff, 0x0a]), join(root, 'odd-target'))
  symlinkSync('.', join(root, 'loop'))
  mkdirSync(join(root, 'empty'))
  mkdirSync(join(root, 'read-only'))
  writeFileSync(join(root, 'read-only', 'inside'), 'x')
  chmodSync(join(root, 'read-only', 'inside'), 0o4755)
  chmodSync(join(root, 'read-only'), 0o555)
  linkSync(join(root, '.hidden'), join(root, 'hard-link'))
  utimesSync(join(root, '.hidden'), 1_234_567_890.123456, 1_234_567_890.654321)
  // As text: Node takes a number below zero for now.
  for (const [name, time] of Object.entries({
    'before 1970': '-1000000000',
    'just before 1970': '-0.5',
    'after 2242': '8589934592',
    'in 2400': '13600000000.25',
  })) {
    writeFileSync(join(root, name), '')
    utimesSync(join(root, name), time, time)
  }
  lutimesSync(join(root, 'dangling'), 7, 7)
}

describe('files', async () => {
  const base = temporaryFolder()
  const target = await testRepository(base)
  const { repository } = target
  let count = 0

  const place = () => join(base, `place${++count}`)
  function tree(files: Record<string, string>): string {
    const root = place()
    mkdirSync(root)
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(root, name, '..'), { recursive: true })
      write(join(root, name), text)
    }
    return root
  }
  async function dump(root: string, changes: Partial<DumpOptions> = {}, sink?: Sink): Promise<SnapshotPart> {
    await repository.begin(`op${++count}`)
    const options = dumpOptions(join(base, 'scratch'), { cache: join(base, 'cache', String(count)), ...changes })
    return filesStore.dump(root, config, sink ?? repository.sink(`op${count}`), options)
  }
  async function load(part: SnapshotPart, source: Source = repository.source()): Promise<string> {
    const root = place()
    await filesStore.load(part, source, root, config, { durable: true, signal })
    return root
  }

  test('a tree of hostile names, links and modes comes back as it was', async () => {
    const root = place()
    hostileTree(root)
    const part = await dump(root)
    const restored = await load(part)
    assert.deepEqual(listing(restored), listing(root))
    assert.deepEqual(compareFingerprints(part.fingerprint, await filesStore.fingerprint(restored, config, signal)), [])
  })

  test('the payload is a tar that the tar program unpacks to the same tree', async () => {
    const root = place()
    hostileTree(root)
    const part = await dump(root)
    const [object] = part.objects
    assert.ok(object)
    const restored = place()
    mkdirSync(restored)
    execFileSync('tar', ['-xp', '-C', restored], { input: await collectBytes(repository.source().read(object)) })
    assert.deepEqual(listing(restored), listing(root))
  })

  test('sockets and pipes are named as not covered, and neither read nor waited for', async () => {
    const root = tree({ a: 'a' })
    execFileSync('mkfifo', [join(root, 'pipe')])
    const server = createServer()
    await new Promise<void>(resolve => server.listen(join(root, 'socket'), resolve))
    const part = await dump(root)
    await new Promise(resolve => server.close(resolve))
    assert.deepEqual(part.notes, ['pipe is a pipe: not covered', 'socket is a socket: not covered'])
    assert.deepEqual(readdirSync(await load(part)), ['a'])
  })

  test('a link in the place of the folder is followed: what it leads to is the store, and nothing else is', async () => {
    const real = tree({ a: 'a', 'sub/b': 'b' })
    symlinkSync('a', join(real, 'inner'))
    const link = place()
    symlinkSync(real, link)
    const cache = join(base, 'cache', 'linked')
    const part = await dump(link, { cache })
    const restored = await load(part)
    assert.ok(!lstatSync(restored).isSymbolicLink())
    assert.deepEqual(listing(restored), listing(real))
    assert.deepEqual(compareFingerprints(part.fingerprint, await filesStore.fingerprint(link, config, signal)), [])
    assert.equal(await filesStore.countFiles?.(link, config, '**/b'), 1)
    write(join(real, 'a'), 'A')
    const lost = await filesStore.changedSince(part, repository.source(), link, config, { scratch: base, signal })
    assert.deepEqual(lost, { items: { '.': 1 }, precision: 'exact' })
    const next = await dump(link, { cache, previous: part })
    assert.deepEqual(listing(await load(next)), listing(real))
  })

  test('what is loaded through a link lies where it leads, and the link stays', async () => {
    const real = place()
    mkdirSync(real, { mode: 0o700 })
    const link = place()
    symlinkSync(real, link)
    const live = tree({ a: 'a' })
    chmodSync(live, 0o750)
    await filesStore.load(await dump(live), repository.source(), link, config, { durable: true, signal })
    assert.equal(readlinkSync(link), real)
    assert.deepEqual(listing(real), listing(live))
  })

  test('a link that leads nowhere, or to no folder, is NOT_FOUND and says what is there', async () => {
    const file = join(tree({ a: 'a' }), 'a')
    const [dangling, toFile] = [place(), place()]
    symlinkSync('/nowhere', dangling)
    symlinkSync(file, toFile)
    await assert.rejects(dump(dangling), /there is no folder .*: it is a link to \/nowhere, where nothing is/)
    await assert.rejects(dump(toFile), /there is no folder .*: it is a file/)
    await assert.rejects(dump(file), hasCode('NOT_FOUND'))
  })

  test('of many notes the first are kept, and how many more there were; none stay where there is no reason any more', async () => {
    const root = tree({ a: 'a' })
    const pipes = Array.from({ length: 25 }, (_, n) => join(root, `pipe${n}`))
    execFileSync('mkfifo', pipes)
    const cache = join(base, 'cache', 'notes')
    const part = await dump(root, { cache })
    assert.deepEqual([part.notes?.length, part.moreNotes], [20, 5])
    for (const pipe of pipes) rmSync(pipe)
    utimesSync(root, OLD, OLD)
    const next = await dump(root, { cache, previous: part })
    assert.deepEqual([next.notes, next.moreNotes], [undefined, undefined])
  })

  /** Calls back when the first bytes arrive: the walk is over, the reading has begun. */
  function meddlingSink(meddle: () => void): Sink {
    const sink = repository.sink(`op${count + 1}`)
    async function* passed(payload: AsyncIterable<Uint8Array>) {
      let first = true
      for await (const piece of payload) {
        if (first) meddle()
        first = false
        yield piece
      }
    }
    return { write: (content, payload) => sink.write(content, passed(payload)) }
  }
  const meddling: Record<string, (path: string) => void> = {
    grows: path => appendFileSync(path, 'more'.repeat(1000)),
    shrinks: path => truncateSync(path, 10),
    'is emptied': path => truncateSync(path),
    'is replaced by a link': path => {
      unlinkSync(path)
      symlinkSync('/etc/passwd', path)
    },
    'is removed': path => unlinkSync(path),
    'is replaced by a pipe': path => {
      unlinkSync(path)
      execFileSync('mkfifo', [path])
    },
    'is replaced by a folder': path => {
      unlinkSync(path)
      mkdirSync(path)
    },
  }
  for (const [what, meddle] of Object.entries(meddling)) {
    for (const size of [1000, 3_000_000]) {
      test(`a file of ${size} bytes that ${what} after the walk leaves a valid archive, which says what it holds`, async () => {
        // The first, larger than a batch, makes the sink see a piece before the second is opened.
        const root = tree({ 'a-first': 'x'.repeat(600_000), 'b-second': 'y'.repeat(size) })
        const part = await dump(
          root,
          {},
          meddlingSink(() => meddle(join(root, 'b-second'))),
        )
        const restored = await load(part)
        assert.deepEqual(compareFingerprints(part.fingerprint, await filesStore.fingerprint(restored, config, signal)), [])
        const second = join(restored, 'b-second')
        assert.ok(!existsSync(second) || lstatSync(second).isFile())
        if (what === 'grows') assert.equal(statSync(second).size, size + 4000)
        if (what.startsWith('is re')) assert.match(part.notes?.join() ?? '', /b-second was gone/)
      })
    }
  }

  test('a change of one byte that keeps size and time is found in the next dump when it happened within two seconds', async () => {
    const root = tree({ a: 'before' })
    const cache = join(base, 'cache', 'racy')
    const first = await dump(root, { cache })
    write(join(root, 'a'), 'after!')
    const second = await dump(root, { cache, previous: first })
    assert.equal(readFileSync(join(await load(second), 'a'), 'utf8'), 'after!')
  })

  test('deltas add, change, delete, and turn files into folders and back', async () => {
    const root = tree({
      keep: 'k'.repeat(500_000),
      'gone/deep/x': 'x',
      'gone/y': 'y',
      turn: 'file',
      'turn2/x': 'x',
      touched: 't',
      mode: 'm',
    })
    symlinkSync('keep', join(root, 'link'))
    const cache = join(base, 'cache', 'delta')
    const first = await dump(root, { cache })
    rmSync(join(root, 'gone'), { recursive: true })
    rmSync(join(root, 'turn'))
    mkdirSync(join(root, 'turn'))
    write(join(root, 'turn', 'inside'), 'i')
    rmSync(join(root, 'turn2'), { recursive: true })
    write(join(root, 'turn2'), 'now a file')
    utimesSync(join(root, 'touched'), OLD + 9, OLD + 9)
    chmodSync(join(root, 'mode'), 0o600)
    rmSync(join(root, 'link'))
    symlinkSync('touched', join(root, 'link'))
    write(join(root, 'added'), 'a')
    const second = await dump(root, { cache, previous: first })
    assert.deepEqual(
      second.objects.map(object => object.content),
      ['tar', 'tar-delta'],
    )
    assert.ok((second.objects[1]?.payloadBytes ?? 0) < 50_000)
    write(join(root, 'keep'), 'k'.repeat(500_000), OLD + 1)
    rmSync(join(root, 'added'))
    const third = await dump(root, { cache, previous: second })
    const restored = await load(third)
    assert.deepEqual(listing(restored), listing(root))
    assert.deepEqual(compareFingerprints(third.fingerprint, await filesStore.fingerprint(root, config, signal)), [])
    // And the one before is untouched by the later ones.
    assert.ok(existsSync(join(await load(second), 'added')))
  })

  test('a snapshot and its deltas are restored by hand with the commands of the manifest', async () => {
    const root = place()
    hostileTree(root)
    const cache = join(base, 'cache', 'by-hand')
    writeFileSync(join(root, 'ballast'), Buffer.alloc(300_000, 'b'))
    const first = await dump(root, { cache, store: 'uploads' })
    rmSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]))
    rmSync(join(root, '-rf'))
    rmSync(join(root, 'new\nline'))
    renameSync(join(root, 'empty'), join(root, 'renamed'))
    write(join(root, 'read-only', 'inside'), 'changed in place')
    const second = await dump(root, { cache, store: 'uploads', previous: first })
    assert.equal(second.objects.length, 2)
    rmSync(join(target.folder, 'restored'), { recursive: true, force: true })
    for (const command of repository.howToRestore([second]))
      execFileSync('sh', ['-e', '-c', command], { cwd: target.folder, env: { ...process.env, KEY: target.keyFile } })
    assert.deepEqual(listing(join(target.folder, 'restored', 'uploads')), listing(root))
  })

  test('a tree that changed more than half gets a new full archive, and so does a chain that grew long', async () => {
    const cache = join(base, 'cache', 'chain')
    const root = tree({ a: 'a'.repeat(100_000), b: 'b'.repeat(100_000) })
    const first = await dump(root, { cache })
    write(join(root, 'a'), 'A'.repeat(150_000), OLD + 1)
    assert.equal((await dump(root, { cache, previous: first })).objects.length, 1)
    const other = tree({ big: 'x'.repeat(3_000_000) })
    let part = await dump(other, { cache })
    const lengths: number[] = []
    for (let round = 0; round < 32; round++) {
      write(join(other, 'small'), String(round), OLD + round)
      part = await dump(other, { cache, previous: part })
      lengths.push(part.objects.length)
    }
    assert.equal(Math.max(...lengths), 31)
    assert.equal(lengths.at(-1), 2)
  })

  test('without its cache, or with that of a snapshot that was never committed, a dump is full', async () => {
    const cache = join(base, 'cache', 'lost')
    const root = tree({ a: 'a'.repeat(9000) })
    const first = await dump(root, { cache })
    write(join(root, 'b'), 'b')
    const abandoned = await dump(root, { cache, previous: first })
    assert.equal(abandoned.objects.length, 2)
    write(join(root, 'c'), 'c')
    const next = await dump(root, { cache, previous: first })
    assert.deepEqual(next.objects[0], first.objects[0])
    assert.deepEqual(listing(await load(next)), listing(root))
    rmSync(cache, { recursive: true })
    assert.equal((await dump(root, { cache, previous: next })).objects.length, 1)
    writeFileSync(join(cache, 'files', 'data', readdirSync(join(cache, 'files', 'data'))[0] ?? ''), 'garbage')
    assert.equal((await dump(root, { cache, previous: next })).objects.length, 1)
  })

  test('a tree just restored is not a changed one', async () => {
    const cache = join(base, 'cache', 'restored')
    const part = await dump(tree({ a: 'a', 'b/c': 'c' }), { cache })
    const again = await dump(await load(part), { cache, previous: part })
    assert.equal(again.reused, true)
    assert.deepEqual(again.objects, part.objects)
  })

  test('a name that deltas need for themselves makes every dump a full one', async () => {
    const cache = join(base, 'cache', 'name')
    const root = tree({ '.fettle-deleted': 'mine', big: 'x'.repeat(10_000) })
    const first = await dump(root, { cache })
    write(join(root, 'new'), 'n')
    const second = await dump(root, { cache, previous: first })
    assert.equal(second.objects.length, 1)
    assert.deepEqual(listing(await load(second)), listing(root))
  })

  test('many folders at the top share items, and a difference is still found', async () => {
    const root = tree(Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`d${n}/x`, String(n)])))
    const part = await dump(root)
    assert.ok(Object.keys(part.fingerprint.items).length <= 257)
    write(join(root, 'd77/x'), 'changed')
    assert.equal(compareFingerprints(part.fingerprint, await filesStore.fingerprint(root, config, signal)).length, 1)
  })

  test('files are counted by a pattern, folders and links are not', async () => {
    const root = tree({ 'a.txt': '', 'b/c.txt': '', 'b/d.png': '' })
    mkdirSync(join(root, 'folder.txt'))
    symlinkSync('a.txt', join(root, 'link.txt'))
    assert.equal(await filesStore.countFiles?.(root, config, '**/*.txt'), 2)
    assert.equal(await filesStore.countFiles?.(root, config, '*.none'), 0)
    for (const pattern of ['../**', '{..,x}/*', 'x/../../*', `${base}/*`])
      await assert.rejects(async () => filesStore.countFiles?.(root, config, pattern), /leads out of the store/, pattern)
  })

  describe('an archive that somebody else made', () => {
    const entry = (path: string, changes: Partial<Entry> = {}): Entry => ({
      path: rawPath(Buffer.from(path)),
      kind: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtimeNs: 0n,
      size: 0,
      target: '',
      ...changes,
    })
    const archive = (...entries: (Entry & { text?: string })[]) =>
      Buffer.concat([
        ...entries.flatMap(one => {
          const text = Buffer.from(one.text ?? '')
          return [tarHeader({ ...one, size: text.length }), text, Buffer.alloc(padding(text.length))]
        }),
        END_OF_ARCHIVE,
      ])
    const object = { name: 'x', sha256: '', storedBytes: 0, payloadBytes: 0, content: 'tar' }
    const fake: SnapshotPart = {
      store: 'data',
      driver: 'files',
      objects: [object],
      fingerprint: { format: 1, driver: 'files', of: 'of-the-dump', schema: '', items: {} },
      takenAt: 0,
      reused: false,
    }
    const loadBytes = (bytes: Buffer) =>
      load(fake, {
        async *read() {
          yield bytes
        },
      })
    const root = entry('', { kind: 'folder', mode: 0o755 })

    test('is taken when it stays inside', async () => {
      const restored = await loadBytes(archive(root, { ...entry('a'), text: 'hello' }))
      assert.equal(readFileSync(join(restored, 'a'), 'utf8'), 'hello')
    })

    const attacks: Record<string, Buffer> = {
      'is a link': archive(entry('', { kind: 'link', target: '/tmp' }), entry('evil')),
      'leads up': archive(root, entry('../evil')),
      'leads up in the middle': archive(root, entry('a', { kind: 'folder' }), entry('a/../../evil')),
      'is absolute': archive(root, entry('/evil')),
      'has an empty part': archive(root, entry('a', { kind: 'folder' }), entry('a//b')),
      'goes through a link': archive(root, entry('a', { kind: 'link', target: '/tmp' }), entry('a/evil')),
      'goes through a link put in the place of a folder': archive(
        root,
        entry('a', { kind: 'folder' }),
        entry('a', { kind: 'link', target: '/tmp' }),
        entry('a/evil'),
      ),
      'lies in a folder that is not in it': archive(root, entry('a/b')),
      'is cut short': archive(root, { ...entry('a'), text: 'x'.repeat(2000) }).subarray(0, 2000),
      'has no end': archive(root, entry('a')).subarray(0, 1024),
      'has a changed header': Buffer.concat([archive(root, entry('a')).fill('7', 612, 613)]),
    }
    for (const [what, bytes] of Object.entries(attacks)) {
      test(`is DAMAGED when it ${what}`, async () => {
        await assert.rejects(loadBytes(bytes), hasCode('DAMAGED'))
        assert.ok(!existsSync(join(base, 'evil')) && !existsSync('/tmp/evil'))
      })
    }
  })

  for (const name of ['__proto__', 'constructor', 'toString']) {
    test(`a folder called ${name} is in the fingerprint, also as JSON, and its lost files are counted`, async () => {
      const root = tree({ a: 'a' })
      mkdirSync(join(root, name))
      write(join(root, name, 'b'), 'b')
      const part = await dump(root)
      const kept = Fingerprint.parse(JSON.parse(JSON.stringify(part.fingerprint)))
      assert.equal(comparedRows(kept), comparedRows(part.fingerprint))
      assert.deepEqual(compareFingerprints(kept, await filesStore.fingerprint(await load(part), config, signal)), [])
      for (const file of ['c', 'd']) write(join(root, name, file), file)
      assert.equal(compareFingerprints(kept, await filesStore.fingerprint(root, config, signal)).length, 1)
      const { items } = await filesStore.changedSince(part, repository.source(), root, config, { scratch: base, signal })
      assert.deepEqual(Object.values(Loss.shape.items.parse(JSON.parse(JSON.stringify(items)))), [2])
      rmSync(join(root, name), { recursive: true })
      assert.deepEqual(
        compareFingerprints(kept, await filesStore.fingerprint(root, config, signal)).map(({ what }) => what),
        ['missing'],
      )
      const earlier = { ...kept, items: Object.fromEntries(Object.entries(kept.items).filter(([item]) => item !== './__proto__')) }
      assert.deepEqual(compareFingerprints(earlier, kept), [])
    })
  }

  test('names are shown readably and unambiguously', () => {
    const shown = (bytes: string) => shownPath(rawPath(Buffer.from(bytes, 'latin1')))
    assert.equal(shown('plain name'), 'plain name')
    assert.equal(shownPath(rawPath(Buffer.from('é…'))), 'é…')
    assert.equal(shown('new\nline'), 'new\\x0aline')
    assert.equal(shown('back\\slash'), 'back\\x5cslash')
    assert.equal(shown('\xff\xfe'), '\\xff\\xfe')
    assert.deepEqual(pathBytes(rawPath(Buffer.from([0xff, 0x0a]))), Buffer.from([0xff, 0x0a]))
  })
})
