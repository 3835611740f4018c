import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { npmSource } from './index.ts'

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-npm-'))
  t.after(() => rm(folder, { recursive: true }))
  return join(folder, 'into')
}

test('a package becomes the one dependency of a package of its own', async t => {
  const into = await folderOf(t)
  const source = npmSource('@scope/pkg.name@1.2.3-rc.1+build')
  const fetched = await source.fetch(into, new AbortController().signal)
  const manifest = JSON.parse(await readFile(join(into, 'package.json'), 'utf8'))
  assert.deepEqual(manifest.dependencies, { '@scope/pkg.name': '1.2.3-rc.1+build' })
  assert.equal(manifest.private, true)
  assert.deepEqual(await readdir(into), ['package.json'])
  assert.equal(fetched.description, 'npm package @scope/pkg.name@1.2.3-rc.1+build')
  assert.equal(fetched.digest, (await source.look()).digest)
  assert.deepEqual(source.build, ['npm install --ignore-scripts --omit=dev --no-audit --no-fund'])
})

test('another version has another digest, and the same the same', async () => {
  const digests = await Promise.all(
    ['a@1.0.0', 'a@1.0.1', 'b@1.0.0', 'a@1.0.0'].map(spec =>
      npmSource(spec)
        .look()
        .then(({ digest }) => digest),
    ),
  )
  assert.equal(new Set(digests).size, 3)
  assert.equal(digests[0], digests[3])
})

test('what is no exact version of a package is refused', () => {
  for (const spec of [
    '',
    'verdaccio',
    'verdaccio@latest',
    'verdaccio@^6.1.0',
    'verdaccio@6',
    'verdaccio@6.1.0 --scripts',
    '../evil@1.0.0',
    'a/b@1.0.0',
    '@/b@1.0.0',
    '.a@1.0.0',
    'A@1.0.0',
    'a\n@1.0.0',
    'git+ssh://x@1.0.0',
    `${'a'.repeat(215)}@1.0.0`,
  ])
    assert.throws(() => npmSource(spec), { code: 'SPEC_INVALID' }, spec)
})

test('what an earlier fetch left is gone', async t => {
  const into = await folderOf(t)
  const source = npmSource('a@1.0.0')
  const { signal } = new AbortController()
  await source.fetch(into, signal)
  await writeFile(join(into, 'package-lock.json'), '{}')
  await source.fetch(into, signal)
  assert.deepEqual(await readdir(into), ['package.json'])
})

test('without npm the machine is named as lacking it', async t => {
  const path = process.env.PATH
  t.after(() => {
    process.env.PATH = path
  })
  process.env.PATH = '/nowhere:relative'
  await assert.rejects(npmSource('a@1.0.0').fetch(await folderOf(t), new AbortController().signal), { code: 'UNSUPPORTED' })
})
