import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import * as z from 'zod'
import { temporaryFolder } from '../../test/helpers/temporary.ts'
import { readKept } from './kept-file.ts'

const path = join(temporaryFolder(), 'kept.json')
const schema = z.strictObject({ format: z.literal(1), groups: z.array(z.string()) })
const read = (text: string, changes: object = {}) => {
  writeFileSync(path, text)
  return readKept({ path, hint: 'Remove it.', schema, ...changes })
}

describe('a small file that fettle keeps', () => {
  test('is read, and may be missing', async () => {
    assert.deepEqual(await read('{"format":1,"groups":["a"]}'), { format: 1, groups: ['a'] })
    assert.equal(await readKept({ path: `${path}.none`, hint: '' }), undefined)
  })

  const damages = ['{"format":1,"gro\n', '', 'null', '[]', '\0\0\0', '{"groups":[]}', '{"format":1,"groups":[1]}']
  for (const text of damages)
    test(`is named, with what to do, when it holds ${JSON.stringify(text)}`, async () => {
      const error = { code: 'DAMAGED', message: new RegExp(`^${path} can not be read: .`), hint: 'Remove it.' }
      await assert.rejects(read(text), error)
      if (!text.includes('"format":1,"groups"')) await assert.rejects(read(text, { schema: undefined }), error)
    })

  test('is left as it is when a newer fettle wrote it', async () => {
    for (const changes of [{}, { schema: undefined }])
      await assert.rejects(read('{"format":2,"other":1}', changes), { code: 'VERSION', message: /kept\.json was written by a newer/ })
  })
})
