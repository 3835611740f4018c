import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FettleError } from '../core/errors.ts'
import { layout } from '../core/layout.ts'
import { MASK, Secret } from '../core/secret.ts'
import { Redaction } from './redaction.ts'
import { SeenSecrets } from './seen-secrets.ts'

async function makePaths(context: TestContext) {
  const home = await mkdtemp(join(tmpdir(), 'fettle-redaction-'))
  context.after(() => rm(home, { recursive: true }))
  return layout(home)
}

async function nextAgent(paths: ReturnType<typeof layout>): Promise<Redaction> {
  const redaction = new Redaction(new SeenSecrets(paths))
  await redaction.recall()
  return redaction
}

test('a value is hidden by the next agent too, and lies nowhere in the clear', async context => {
  const paths = await makePaths(context)
  const first = await nextAgent(paths)
  assert.equal(first.hide('of nothing'), 'of nothing')
  await Promise.all(['first-value', 'second-value', 'first-value'].map(value => first.add(new Secret(value), 'shop')))
  const next = await nextAgent(paths)
  assert.equal(next.hide('first-value, second-value, third-value'), `${MASK}, ${MASK}, third-value`)
  await next.add(new Secret('third-value'), 'shop')
  assert.equal((await nextAgent(paths)).hide('first-value third-value'), `${MASK} ${MASK}`)
  for (const path of [paths.seenSecrets, paths.seenSecretsKey]) {
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.ok(!(await readFile(path)).includes('value'))
  }
})

test('a value that could not be kept is not given away, and is tried again', async () => {
  let isFull = true
  const kept: string[] = []
  const redaction = new Redaction({
    read: async () => [],
    async write(values) {
      if (isFull) throw new FettleError('DISK_FULL', 'no room')
      kept.push(...[...values].map(({ value }) => value))
    },
  })
  await assert.rejects(redaction.add(new Secret('value'), 'shop'), { code: 'DISK_FULL' })
  await assert.rejects(redaction.add(new Secret('value'), 'shop'), { code: 'DISK_FULL' })
  isFull = false
  await redaction.add(new Secret('value'), 'shop')
  await redaction.add(new Secret('value'), 'shop')
  assert.deepEqual(kept, ['value'])
})

test('a list that can not be opened is an error that says what to do, and quotes nothing', async context => {
  const paths = await makePaths(context)
  await (await nextAgent(paths)).add(new Secret('value'), 'shop')
  await writeFile(paths.seenSecretsKey, Buffer.alloc(32))
  await assert.rejects(nextAgent(paths), (error: FettleError) => {
    assert.deepEqual([error.code, error.cause], ['DAMAGED', undefined])
    assert.match(error.hint ?? '', new RegExp(`remove ${paths.seenSecrets}`))
    return true
  })
})

test('a value that is a word is hidden in what is about the apps that have it, and in what may be about any; others everywhere', async context => {
  const paths = await makePaths(context)
  const first = await nextAgent(paths)
  for (const [value, app] of [
    ['staging', 'shop'],
    ['admin', 'shop'],
    ['admin', 'wiki'],
    ['kX9-3fQz/71', 'wiki'],
  ] as const)
    await first.add(new Secret(value), app)
  for (const { hide } of [first, await nextAgent(paths)]) {
    const text = 'admin of staging: kX9-3fQz/71'
    assert.equal(hide(text, 'shop'), `${MASK} of ${MASK}: ${MASK}`)
    assert.equal(hide(text, 'wiki'), `${MASK} of staging: ${MASK}`)
    assert.equal(hide(text, 'blog'), `admin of staging: ${MASK}`)
    assert.equal(hide(text), `${MASK} of ${MASK}: ${MASK}`)
  }
})

test('the lines of a log hide what goes on over their ends, also what was set while they are read', async context => {
  const redaction = await nextAgent(await makePaths(context))
  const value = 'the quick brown fox jumps over the lazy dog, twice'
  const show = redaction.lines('shop')
  const [first = '', second = ''] =
    Buffer.from(value)
      .toString('base64')
      .match(/.{1,60}/g) ?? []
  assert.deepEqual([first, second].map(show), [first, second])
  await redaction.add(new Secret(value), 'shop')
  assert.ok(second.length < 10)
  assert.deepEqual([`a ${first}`, second, second, 'end'].map(show), [`a ${MASK}`, `${MASK}=`, second, 'end'])
})

test('a secret with colours in its midst is hidden in lines, errors and messages', async context => {
  const redaction = await nextAgent(await makePaths(context))
  await redaction.add(new Secret('Zq7-plain/s3cr3t+ABC=='), 'shop')
  const { lines, hide } = redaction
  const line = 'a Zq7-plain/\x1b[0ms3cr3t+ABC== b'
  assert.deepEqual([lines('shop')(line), hide(line, 'shop'), lines('shop')('\x1b[1mplain')], [`a ${MASK} b`, `a ${MASK} b`, '\x1b[1mplain'])
})

test('a value that is a name of its app is not hidden, nor is one that became a name', async context => {
  const paths = await makePaths(context)
  const first = await nextAgent(paths)
  const names = new Set(['shop'])
  const take = (value: string, app: string) => first.take(new Secret(value), app, async () => names)
  await take('shop', 'shop')
  for (const app of ['shop', 'wiki']) await take('staging', app)
  names.add('staging')
  await take('staging', 'shop')
  for (const { hide } of [first, await nextAgent(paths)]) {
    assert.equal(hide('shop of staging', 'shop'), 'shop of staging')
    assert.equal(hide('shop of staging', 'wiki'), `shop of ${MASK}`)
  }
})

test('the list of an earlier fettle, which kept no apps, is hidden everywhere', async context => {
  const paths = await makePaths(context)
  const { seenSecrets, seenSecretsKey } = paths
  await new SeenSecrets(paths).write([])
  // Holds `staging` and `kX9-3fQz/71`.
  await writeFile(seenSecretsKey, Buffer.from('ChM/mZKjp7wk9UzAm2GyvjBSwjG6dlzD6boR+RaCDtY=', 'base64'))
  const sealed = '2oMuUAI/e0KcgbN5jZAweez9jORos9ROCyd1sULjY7rO03CypZZweE9bE2bLfGQ2K9K+Vd0UnHnJMv8eDPhV72aB4JSoYCn9YvAi'
  await writeFile(seenSecrets, Buffer.from(sealed, 'base64'))
  const next = await nextAgent(paths)
  await next.add(new Secret('staging'), 'shop')
  assert.equal(next.hide('staging kX9-3fQz/71', 'blog'), `${MASK} ${MASK}`)
})
