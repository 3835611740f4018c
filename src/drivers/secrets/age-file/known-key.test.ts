import assert from 'node:assert/strict'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../../../test/helpers/temporary.ts'
import { Secret } from '../../../core/secret.ts'
import { systemClock } from '../../../lib/clock.ts'
import { openSecretFile } from './index.ts'

test('a key that is lost is missed: none is made in its place, and another one is not taken for it, until it is given up', async () => {
  const home = temporaryFolder()
  const on = (environment: string) => openSecretFile({ project: join(home, 'project'), home, app: 'shop', environment }, systemClock)
  const [key, mark] = [join(home, 'keys/shop.key'), join(home, 'agent/known-keys/shop.txt')]
  const own = await on('production').publicKeys()
  await rename(key, `${key}.away`)
  await assert.rejects(on('production').publicKeys(), {
    code: 'SECRET_LOCKED',
    message: `${key} is gone: backups and secrets are sealed for ${own}`,
  })
  await assert.rejects(on('production').set('TOKEN', new Secret('hunter22')), { code: 'SECRET_LOCKED' })

  await rename(mark, `${mark}.away`)
  const other = await on('production').publicKeys()
  assert.notDeepEqual(other, own)
  await rename(`${key}.away`, key)
  await assert.rejects(on('production').publicKeys(), /shop\.key is another key than the one before/)
  await rm(mark)
  assert.deepEqual(await on('production').publicKeys(), own)
})

test('a home knows its own public keys, without its key too, and makes none by being asked', async () => {
  const [home, elsewhere] = [temporaryFolder(), temporaryFolder()]
  const open = (at: string) =>
    openSecretFile({ project: join(at, 'project'), home: at, app: 'shop', environment: 'production' }, systemClock)
  const [theirs = ''] = await open(elsewhere).publicKeys()
  assert.deepEqual(await open(home).ownAmong([theirs]), [])
  const [own = ''] = await open(home).publicKeys()
  assert.deepEqual(await open(home).ownAmong([own, theirs]), [own])
  const [key, other] = [home, elsewhere].map(at => join(at, 'keys/shop.key')) as [string, string]
  await writeFile(key, `${await readFile(key, 'utf8')}${await readFile(other, 'utf8')}`)
  assert.deepEqual(await open(home).ownAmong([theirs, own]), [theirs, own], 'a file may hold several keys')
  await rm(key)
  assert.deepEqual(await open(home).ownAmong([theirs, own]), [own])
})
