/** What every repository must do. `make` gives a fresh, opened one. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Proof, Repository } from '../../src/ports/repository.ts'
import type { SnapshotPart, StoredObject } from '../../src/ports/store.ts'
import { collectBytes, hasCode, manifestOf, nameOf } from '../helpers/repository.ts'

const signal = new AbortController().signal

export const partOf = (objects: StoredObject[], store = 'data'): SnapshotPart => ({
  store,
  driver: 'files',
  objects,
  fingerprint: { format: 1, driver: 'files', of: 'of-the-dump', schema: '', items: {} },
  takenAt: 1,
  reused: false,
})

export async function* payload(...pieces: (Buffer | string)[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece)
}

const proof = (changes: Partial<Proof> = {}): Proof => ({
  rung: 'content-equal',
  at: 1,
  operation: 'op',
  durationMs: 5,
  compared: 3,
  passed: true,
  ...changes,
})

export function repositoryConformance(name: string, make: () => Promise<Repository>): void {
  describe(`repository ${name}`, () => {
    async function snapshot(repository: Repository, id: string, takenAt = 1, text = id): Promise<StoredObject> {
      await repository.begin(id)
      const object = await repository.sink(id).write('tar', payload(text))
      await repository.commit(id, manifestOf(id, [partOf([object])], { takenAt }))
      return object
    }

    test('what was written is read back, of any size', async () => {
      const repository = await make()
      await repository.begin('op')
      for (const bytes of [Buffer.alloc(0), Buffer.from('x'), randomBytes(5_000_000)]) {
        const object = await repository.sink('op').write('tar', payload(bytes))
        assert.equal(object.payloadBytes, bytes.length)
        assert.ok((await collectBytes(repository.source().read(object))).equals(bytes))
      }
    })

    test('is told from every other by an id that stays when it is opened again', async () => {
      const [one, other] = [await make(), await make()]
      const id = await one.id()
      assert.ok(id)
      await one.open()
      assert.equal(await one.id(), id)
      assert.notEqual(await other.id(), id)
    })

    test('several streams are written at once', async () => {
      const repository = await make()
      await repository.begin('op')
      const all = Array.from({ length: 6 }, () => randomBytes(700_000))
      const objects = await Promise.all(all.map(bytes => repository.sink('op').write('tar', payload(bytes))))
      for (const [position, object] of objects.entries())
        assert.ok((await collectBytes(repository.source().read(object))).equals(all[position] as Buffer))
    })

    test('a snapshot is visible once it is committed, not before', async () => {
      const repository = await make()
      await repository.begin('op')
      const object = await repository.sink('op').write('tar', payload('a'))
      assert.deepEqual((await repository.list('shop', 'production')).own, [])
      assert.deepEqual(await repository.pending(), ['op'])
      const manifest = manifestOf('s', [partOf([object])])
      await repository.commit('op', manifest)
      await repository.commit('op', manifest)
      assert.deepEqual((await repository.list('shop', 'production')).own, [manifest])
      assert.deepEqual(await repository.get(nameOf('s')), manifest)
      assert.deepEqual(await repository.pending(), [])
      assert.deepEqual((await repository.list('shop', 'staging')).own, [])
    })

    test('snapshots are listed newest first', async () => {
      const repository = await make()
      for (const [id, takenAt] of [
        ['b', 2],
        ['c', 3],
        ['a', 1],
      ] as const)
        await snapshot(repository, id, takenAt)
      assert.deepEqual(
        (await repository.list('shop', 'production')).own.map(manifest => manifest.id),
        ['c', 'b', 'a'],
      )
    })

    test('two snapshots of one id are a CONFLICT, an unknown id is NOT_FOUND', async () => {
      const repository = await make()
      await snapshot(repository, 's')
      await assert.rejects(repository.commit('s', manifestOf('s', [partOf([])], { label: 'another' })), hasCode('CONFLICT'))
      await assert.rejects(repository.get(nameOf('none')), hasCode('NOT_FOUND'))
    })

    test('two environments may have snapshots of one id: each has its own manifest, proofs and end', async () => {
      const repository = await make()
      await snapshot(repository, 's')
      const other = manifestOf('s', [partOf([await snapshot(repository, 'held')])], { app: 'another' })
      await repository.commit('op', other)
      await repository.addProof(other, proof())
      assert.deepEqual(await repository.get(other), other)
      assert.deepEqual(await repository.proofs(nameOf('s')), [])
      await assert.rejects(repository.get({ ...nameOf('s'), environment: 'staging' }), hasCode('NOT_FOUND'))
      await repository.forget([nameOf('s')])
      assert.deepEqual(await repository.get(other), other)
      assert.deepEqual(await repository.proofs(other), [proof()])
    })

    test('what an abandoned transaction wrote is gone, and abandoning again is fine', async () => {
      const repository = await make()
      await repository.begin('op')
      const object = await repository.sink('op').write('tar', payload('a'))
      await repository.abandon('op')
      await repository.abandon('op')
      assert.deepEqual(await repository.pending(), [])
      await assert.rejects(collectBytes(repository.source().read(object)), hasCode('DAMAGED'))
      await assert.rejects(repository.commit('op', manifestOf('s', [partOf([object])])), hasCode('CONFLICT'))
      assert.deepEqual((await repository.list('shop', 'production')).own, [])
    })

    test('abandoning a transaction never takes what a snapshot refers to', async () => {
      const repository = await make()
      const object = await snapshot(repository, 's')
      await repository.begin('s')
      await repository.abandon('s')
      assert.equal((await collectBytes(repository.source().read(object))).toString(), 's')
    })

    test('forgetting frees what no other snapshot refers to, and nothing else', async () => {
      const repository = await make()
      const shared = await snapshot(repository, 'first')
      await repository.begin('second')
      const own = await repository.sink('second').write('tar', payload('own'))
      await repository.commit('second', manifestOf('second', [partOf([shared, own])]))
      await repository.begin('running')
      const open = await repository.sink('running').write('tar', payload('running'))
      assert.deepEqual(await repository.forget([nameOf('first'), nameOf('never-was')]), { freedBytes: 0 })
      assert.deepEqual(
        (await repository.list('shop', 'production')).own.map(manifest => manifest.id),
        ['second'],
      )
      assert.deepEqual(await repository.verify(await repository.get(nameOf('second')), signal), {
        objects: 2,
        bytes: shared.storedBytes + own.storedBytes,
      })
      assert.deepEqual(await repository.forget([nameOf('second')]), { freedBytes: shared.storedBytes + own.storedBytes })
      assert.equal((await collectBytes(repository.source().read(open))).toString(), 'running')
    })

    test('proofs are added and kept in order, and go with their snapshot', async () => {
      const repository = await make()
      await snapshot(repository, 's')
      assert.deepEqual(await repository.proofs(nameOf('s')), [])
      const all = [proof(), proof({ rung: 'booted', at: 2, note: 'line\nbreak' }), proof({ passed: false, at: 3 })]
      for (const one of all) await repository.addProof(nameOf('s'), one)
      assert.deepEqual(await repository.proofs(nameOf('s')), all)
      await repository.forget([nameOf('s')])
      await assert.rejects(repository.proofs(nameOf('s')), hasCode('NOT_FOUND'))
    })

    test('two proofs added at once are both kept', async () => {
      const repository = await make()
      await snapshot(repository, 's')
      await Promise.all(Array.from({ length: 8 }, (_, at) => repository.addProof(nameOf('s'), proof({ at }))))
      assert.deepEqual((await repository.proofs(nameOf('s'))).map(one => one.at).sort(), [0, 1, 2, 3, 4, 5, 6, 7])
    })

    test('objects may be referred to again, until a proof of a snapshot with them failed', async () => {
      const repository = await make()
      const object = await snapshot(repository, 's')
      assert.equal(await repository.isReusable(partOf([object])), true)
      assert.equal(await repository.isReusable(partOf([{ ...object, storedBytes: object.storedBytes + 1 }])), false)
      await repository.addProof(nameOf('s'), proof({ passed: false }))
      assert.equal(await repository.isReusable(partOf([object])), false)
    })

    test('a payload that fails leaves nothing visible, and the transaction can be abandoned', async () => {
      const repository = await make()
      await repository.begin('op')
      async function* failing(): AsyncGenerator<Buffer> {
        yield randomBytes(3_000_000)
        throw new Error('the producer died')
      }
      await assert.rejects(repository.sink('op').write('tar', failing()), /the producer died/)
      assert.deepEqual((await repository.list('shop', 'production')).own, [])
      await repository.abandon('op')
      assert.deepEqual(await repository.pending(), [])
    })

    test('names that could lead elsewhere are refused', async () => {
      const repository = await make()
      await assert.rejects(repository.begin('../op'), hasCode('USAGE'))
      await repository.begin('op')
      for (const changes of [{ app: '..' }, { environment: 'a/b' }, { id: '../../x' }])
        await assert.rejects(repository.commit('op', manifestOf('s', [], changes)), hasCode('USAGE'))
      const [object] = [{ name: '../../../etc/passwd', sha256: '', storedBytes: 0, payloadBytes: 0, content: 'tar' }]
      await assert.rejects(collectBytes(repository.source().read(object)), hasCode('DAMAGED'))
    })
  })
}
