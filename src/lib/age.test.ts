import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'
import { FettleError } from '../core/errors.ts'
import { Secret } from '../core/secret.ts'
import { decryptAge, encryptAge, generateIdentity, recipientOf } from './age.ts'

const folder = mkdtempSync(join(tmpdir(), 'fettle-age-'))
after(() => rmSync(folder, { recursive: true }))

const identity = await generateIdentity()
const recipient = await recipientOf(identity)
const keyFile = join(folder, 'key.txt')
writeFileSync(keyFile, `# a comment, as age-keygen writes it\n${identity.reveal()}\n`)

/** Pieces of odd sizes, so that no boundary of the input coincides with a chunk's. */
const pieces = (data: Buffer, size = 10_007) =>
  Readable.from(Array.from({ length: Math.ceil(data.length / size) }, (_, i) => data.subarray(i * size, (i + 1) * size)))
const seal = (data: Buffer) => buffer(encryptAge([recipient], pieces(data)))
const open = (data: Buffer, size?: number) => buffer(decryptAge(identity, pieces(data, size)))
const age = (args: string[], input: Buffer) => spawnSync('age', args, { input, maxBuffer: 1 << 28 })
const code = (expected: string) => (error: unknown) => error instanceof FettleError && error.code === expected

describe('age files', () => {
  for (const size of [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_000]) {
    const data = randomBytes(size)
    test(`${size} bytes sealed here open with the age program`, async () => {
      const result = age(['-d', '-i', keyFile], await seal(data))
      assert.equal(result.stderr.toString(), '')
      assert.deepEqual(result.stdout, data)
    })
    test(`${size} bytes sealed by the age program open here`, async () => {
      const sealed = age(['-r', recipient], data).stdout
      assert.deepEqual(await open(sealed), data)
      assert.deepEqual(await open(sealed, 1 << 20), data)
    })
  }

  test('every truncation at or near a chunk boundary is DAMAGED', async () => {
    const sealed = await seal(randomBytes(131_072))
    const header = sealed.length - 2 * 65_552 - 16
    for (const cut of [0, 10, header, header + 15, header + 16, header + 17, header + 16 + 65_552, header + 16 + 65_553, sealed.length - 1])
      await assert.rejects(open(sealed.subarray(0, cut)), code('DAMAGED'), `cut at ${cut}`)
  })

  test('a flipped bit anywhere is DAMAGED, bytes after the end too', async () => {
    const sealed = await seal(randomBytes(70_000))
    const mac = sealed.indexOf('\n--- ') + 10
    for (const at of [0, mac, mac + 60, 300, 65_700, sealed.length - 1]) {
      const flipped = Buffer.from(sealed)
      flipped[at] = (flipped[at] as number) ^ 1
      await assert.rejects(open(flipped), code('DAMAGED'), `flipped at ${at}`)
    }
    await assert.rejects(open(Buffer.concat([sealed, Buffer.from('x')])), code('DAMAGED'))
  })

  test('any one of several recipients opens it; another key gets SECRET_LOCKED', async () => {
    const second = await generateIdentity()
    const sealed = await buffer(encryptAge([recipient, await recipientOf(second)], pieces(Buffer.from('hello'))))
    assert.equal((await open(sealed)).toString(), 'hello')
    assert.equal((await buffer(decryptAge(second, pieces(sealed)))).toString(), 'hello')
    const stranger = await generateIdentity()
    await assert.rejects(buffer(decryptAge(stranger, pieces(sealed))), code('SECRET_LOCKED'))
    const both = new Secret(`${stranger.reveal()}\n${second.reveal()}`)
    assert.equal((await buffer(decryptAge(both, pieces(sealed)))).toString(), 'hello')
  })

  test('a malformed key or recipient is SECRET_LOCKED and never printed', async () => {
    await assert.rejects(buffer(encryptAge(['age1nonsense'], pieces(Buffer.alloc(1)))), code('SECRET_LOCKED'))
    const sealed = await seal(Buffer.from('x'))
    const rejected = buffer(decryptAge(new Secret('AGE-SECRET-KEY-1NONSENSE'), pieces(sealed)))
    await assert.rejects(rejected, (error: FettleError) => error.code === 'SECRET_LOCKED' && !JSON.stringify(error).includes('NONSENSE'))
  })
})
