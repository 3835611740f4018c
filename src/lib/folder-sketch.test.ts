import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
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
      'shop/wsgi.py': '',
      'shop/deep/x': '',
      '.env': `A=${'é'.repeat(200_000)}`,
    }).map(([name, text]) => writeFile(join(folder, name), text)),
  )
  const { files, texts } = await sketchFolder(folder)
  assert.deepEqual(files, ['.env', 'node_modules/', 'other.txt', 'package.json', 'shop/', 'shop/deep/', 'shop/wsgi.py'])
  assert.deepEqual(Object.keys(texts), ['package.json', '.env'])
  assert.equal(Buffer.byteLength(texts['.env'] ?? ''), 256 * 1024)
})
