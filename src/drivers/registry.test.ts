import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { repositories, stores } from './registry.ts'

for (const [kind, registered] of Object.entries({ stores, repositories })) {
  test(`every folder in drivers/${kind} is registered under its name, and nothing else is`, () => {
    const folders = readdirSync(join(import.meta.dirname, kind), { withFileTypes: true }).filter(entry => entry.isDirectory())
    assert.deepEqual([...registered.keys()].sort(), folders.map(folder => folder.name).sort())
  })
}

test('a store knows itself under the name it is registered by', () => {
  for (const [name, store] of stores) assert.equal(store.driver, name)
})
