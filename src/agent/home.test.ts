import assert from 'node:assert/strict'
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/helpers/temporary.ts'
import type { FettleError } from '../core/errors.ts'
import { layout } from '../core/layout.ts'
import type { OperationRecord } from '../core/plan.ts'
import { settleHome } from './home.ts'

const folder = temporaryFolder()
let homes = 0

/** A home that was at `old`, which is gone, and is at `home`. */
async function movedHome(): Promise<{ old: string; home: string }> {
  homes += 1
  const [old, home] = [join(folder, `old${homes}`), join(folder, `new${homes}`)]
  await mkdir(join(old, 'agent'), { recursive: true })
  assert.deepEqual(await movesOf(old), [])
  await rename(old, home)
  return { old, home }
}

/** From where the home was made to move at this start. */
async function movesOf(home: string, unended: { id: string; kind: string; state: string }[] = []): Promise<string[]> {
  const moves: string[] = []
  const operations = unended.map(({ kind, ...rest }) => ({ ...rest, plan: { kind } })) as unknown as OperationRecord[]
  const move = async (from: string[]) => void moves.push(...from)
  await settleHome({ layout: layout(home), unended: operations, move, log() {} })
  return moves
}

test('a home that was moved is made to begin here, once', async () => {
  const { old, home } = await movedHome()
  assert.deepEqual(await movesOf(home), [old])
  assert.deepEqual(await movesOf(home), [])
})

test('one that the old path leads to again stays as it is', async () => {
  const { old, home } = await movedHome()
  await symlink(home, old)
  assert.deepEqual(await movesOf(home), [])
})

test('one with an open operation is refused, naming both places and the ways on', async () => {
  const { old, home } = await movedHome()
  await assert.rejects(movesOf(home, [{ id: 'op7', kind: 'restore', state: 'held' }]), ({ code, message, hint = '' }: FettleError) => {
    return code === 'REFUSED' && message.includes(home) && message.includes(`${old} `) && hint.includes(`ln -s ${home} ${old}`)
  })
})

test('one with a trial is not: that names no folder', async () => {
  const { old, home } = await movedHome()
  assert.deepEqual(await movesOf(home, [{ id: 'op7', kind: 'bake', state: 'running' }]), [old])
})

test('one that does not say where it was is damaged', async () => {
  const { home } = await movedHome()
  await writeFile(join(home, 'agent/home.json'), '{"format":1')
  await assert.rejects(movesOf(home), { code: 'DAMAGED' })
})
