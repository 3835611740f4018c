import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { cliPages } from './cli-docs.ts'

it('the pages about the command line are what the definitions say', async () => {
  for (const [path, text] of Object.entries(await cliPages()))
    assert.equal(await readFile(join(import.meta.dirname, '..', path), 'utf8'), text, `${path} is stale: npm run reference writes it`)
})
