import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const plugins = join(import.meta.dirname, '../../examples/verdaccio/plugins')

test('the tarball of the plugin holds what the folder beside it holds', () => {
  const tarball = join(plugins, 'verdaccio-ready-1.0.0.tgz')
  const names = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n').sort()
  assert.deepEqual(names, ['package/index.js', 'package/package.json'])
  for (const name of names) {
    const packed = execFileSync('tar', ['-xzOf', tarball, name], { encoding: 'utf8' })
    assert.equal(packed, readFileSync(join(plugins, name.replace('package', 'verdaccio-ready')), 'utf8'), name)
  }
})
