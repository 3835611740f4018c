import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { guessSpec } from '../core/spec/guess.ts'
import { parseSpec } from '../core/spec/parse.ts'
import { makeFifos } from './fifo.ts'
import { sketchFolder } from './folder-sketch.ts'

test('a folder is sketched by names of two levels and the texts of telling files', async context => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-sketch-'))
  context.after(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'shop/deep'), { recursive: true })
  await mkdir(join(folder, 'node_modules/a'), { recursive: true })
  await Promise.all(
    Object.entries({
      'package.json': '{}',
      'other.txt': 'x',
      'app.js': '',
      'app.test.js': '',
      'shop/wsgi.py': '',
      'shop/deep/x': '',
      '.env': `A=${'é'.repeat(200_000)}`,
    }).map(([name, text]) => writeFile(join(folder, name), text)),
  )
  const { files, texts } = await sketchFolder(folder)
  assert.deepEqual(files, [
    '.env',
    'app.js',
    'app.test.js',
    'node_modules/',
    'other.txt',
    'package.json',
    'shop/',
    'shop/deep/',
    'shop/wsgi.py',
  ])
  assert.deepEqual(Object.keys(texts), ['.env', 'package.json', 'app.js'])
  assert.equal(Buffer.byteLength(texts['.env'] ?? ''), 256 * 1024)
})

test('packages of workspaces and settings in a folder of their own are looked into where they are there', async context => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-sketch-'))
  context.after(() => rm(folder, { recursive: true }))
  for (const name of ['packages/api', 'packages/docs', 'shop/settings']) await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"workspaces":["packages/*"]}')
  await writeFile(join(folder, 'packages/api/package.json'), '{"name":"api"}')
  await writeFile(join(folder, 'shop/settings/base.py'), 'DEBUG = False')
  const { texts } = await sketchFolder(folder)
  assert.deepEqual(texts, {
    'package.json': '{"workspaces":["packages/*"]}',
    'packages/api/package.json': '{"name":"api"}',
    'shop/settings/base.py': 'DEBUG = False',
  })
})

test('the example’s folder gives the stores, variables, check and migration of its own file', async () => {
  const folder = join(import.meta.dirname, '../../examples/guestbook')
  const guessed = parseSpec(guessSpec(await sketchFolder(folder)).text, { file: 'guessed' }).spec
  const { spec } = parseSpec(await readFile(join(folder, 'fettle.yaml'), 'utf8'), { file: 'fettle.yaml' })
  assert.deepEqual(guessed.stores, spec.stores)
  assert.deepEqual(guessed.routes, spec.routes)
  assert.deepEqual(guessed.build, spec.build)
  assert.equal(guessed.release.migrate, spec.release.migrate)
  const { run, env, ready } = guessed.services.web ?? {}
  assert.deepEqual([run, env, ready?.http], [spec.services.web?.run, spec.services.web?.env, spec.services.web?.ready?.http])
})

test('a pipe in the place of a telling file is not waited for, and a byte order mark is no text', async context => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-sketch-'))
  context.after(() => rm(folder, { recursive: true }))
  await makeFifos(join(folder, 'Procfile'))
  await writeFile(join(folder, 'package.json'), '\uFEFF{}')
  assert.deepEqual((await sketchFolder(folder)).texts, { 'package.json': '{}' })
})
