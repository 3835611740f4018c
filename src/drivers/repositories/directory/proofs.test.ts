import assert from 'node:assert/strict'
import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { manifestOf, nameOf, testRepository } from '../../../../test/helpers/repository.ts'
import { temporaryFolder } from '../../../../test/helpers/temporary.ts'
import { highestRung, isProven, standingFailure } from '../../../core/proof.ts'
import type { Proof } from '../../../core/snapshot.ts'

const base = temporaryFolder()
let count = 0
const passed: Proof = { rung: 'booted', at: 1, operation: 'op1', durationMs: 1, compared: 1, passed: true, drill: true }
const failed: Proof = { ...passed, rung: 're-read', at: 2, operation: 'op2', passed: false, note: 'stored object x “is” missing' }

/** A snapshot of each id, with these proofs. */
async function drilled(proofs: Proof[], ids = ['s']) {
  const { repository, folder } = await testRepository(join(base, `r${++count}`))
  for (const id of ids) {
    await repository.begin(id)
    await repository.commit(id, manifestOf(id, []))
  }
  for (const proof of proofs) await repository.addProof(nameOf('s'), proof)
  const file = (id: string) => join(folder, 'snapshots', 'shop', 'production', `${id}.proofs.ndjson`)
  const read = (id = 's') => repository.proofs(nameOf(id))
  const add = (proof: Proof) => repository.addProof(nameOf('s'), proof)
  return { file, path: file('s'), read, add }
}

const unreadable = (place: string) => `a line of its proofs can not be read: ${place}`

describe('proofs of a snapshot', () => {
  test('a failure stands whichever one of its bits is another', async () => {
    const { path, read } = await drilled([passed, failed])
    const whole = readFileSync(path)
    for (let at = whole.indexOf(0x0a) + 1; at < whole.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const bytes = Buffer.from(whole)
        bytes[at] = (bytes[at] as number) ^ (1 << bit)
        writeFileSync(path, bytes)
        const proofs = await read()
        assert.ok(standingFailure(proofs) !== undefined && !isProven(proofs), `byte ${at}, bit ${bit}`)
      }
  })

  test('a line that can not be read is told with its place, until a whole drill passes after it', async () => {
    const { path, read, add } = await drilled([passed, passed])
    writeFileSync(path, readFileSync(path, 'utf8').replace('"compared":1', '"compared":2'))
    assert.equal(standingFailure(await read()), undefined, 'a whole drill passed after the first')
    await add({ ...failed, at: 3 })
    writeFileSync(path, readFileSync(path, 'utf8').replace('missing', 'here'))
    assert.equal(standingFailure(await read())?.note, unreadable(`${path}:3`))
    await add({ ...passed, rung: 'content-equal', drill: undefined })
    assert.equal(standingFailure(await read())?.note, unreadable(`${path}:3`))
    await add({ ...passed, rung: 'content-equal' })
    assert.equal(isProven(await read()), true)
  })

  test('proofs that were copied beside another snapshot speak against it', async () => {
    const { file, path, read } = await drilled([passed], ['s', 'other'])
    copyFileSync(path, file('other'))
    assert.equal(highestRung(await read('other')), 'stored')
    assert.equal(standingFailure(await read('other'))?.note, unreadable(`${file('other')}:1`))
    assert.deepEqual(await read(), [passed])
  })

  test('a last line that a crash cut off anywhere says nothing, and the next one begins anew', async () => {
    const { path, read, add } = await drilled([passed, failed])
    const length = readFileSync(path).length
    const first = readFileSync(path).indexOf(0x0a) + 1
    const whole = readFileSync(path)
    const next = { ...passed, at: 3 }
    for (let cut = first + 1; cut < length; cut++) {
      writeFileSync(path, whole)
      truncateSync(path, cut)
      // With its newline alone away, the line is whole.
      const before = cut === length - 1 ? [passed, failed] : [passed]
      assert.deepEqual(await read(), before, `cut at ${cut}`)
      await add(next)
      assert.deepEqual(await read(), [...before, next], `cut at ${cut}`)
    }
  })

  test('what two add to a line that was cut off stays, both times', async () => {
    const { path, read, add } = await drilled([passed])
    appendFileSync(path, '{"snapshot":{"app":"sh')
    await Promise.all([2, 3].map(at => add({ ...passed, at })))
    assert.deepEqual((await read()).map(({ at }) => at).sort(), [1, 2, 3])
  })
})
