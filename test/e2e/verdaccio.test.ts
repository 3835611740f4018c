/** An application that none of us wrote, with its own clients: https://verdaccio.org, asked by npm. */
import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ReleaseView, SnapshotView } from '../../src/api/views.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { Load } from '../helpers/load.ts'
import { Npm, whyNoRegistry } from '../helpers/npm.ts'

const examples = join(import.meta.dirname, '../../examples')
const NEXT = '6.10.4'
const unreachable = await whyNoRegistry(`verdaccio@${NEXT}`)
/** On a machine of one's own that is offline the rest can still be tested. */
const skip = process.env.CI === 'true' ? false : (unreachable ?? false)

describe('Verdaccio, installed as a package of one’s own', { skip }, () => {
  let site: Installation
  let npm: Npm
  let registry: string

  before(async () => {
    assert.equal(unreachable, undefined)
    site = await openInstallation(into => cp(join(examples, 'verdaccio'), into, { recursive: true }))
  })
  after(() => site?.close())

  /** Publishes a version of the package `greeting`. */
  async function publish(version: string): Promise<void> {
    const folder = await mkdtemp(join(site.folder, 'greeting-'))
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'greeting', version, license: 'MIT', main: 'greeting.js' }))
    await writeFile(join(folder, 'greeting.js'), `module.exports = 'hello from ${version}'\n`)
    await npm.run(['publish'], folder)
    await rm(folder, { recursive: true })
  }

  /** Installs it in an empty project, without the help of a cache. @returns the bytes of its files */
  async function install(version: string): Promise<Record<string, string>> {
    const folder = await mkdtemp(join(site.folder, 'project-'))
    await npm.run(['install', `greeting@${version}`, '--no-save', '--cache', join(folder, 'cache')], folder)
    const installed = join(folder, 'node_modules/greeting')
    const names = await readdir(installed)
    const files = await Promise.all(names.map(async name => [name, await readFile(join(installed, name), 'hex')]))
    await rm(folder, { recursive: true })
    return Object.fromEntries(files)
  }

  /** What the plugin says. */
  const versionThatAnswers = async (): Promise<string> => {
    const { text } = await site.ask('localhost', '/-/ready')
    return JSON.parse(text).version
  }

  test('is deployed from a lock file, with a plugin from a tarball, and serves on its route', async () => {
    await site.must(['deploy'])
    registry = (await site.address()).replace('127.0.0.1', 'localhost')
    npm = new Npm(join(site.folder, 'npm'), `${registry}/`)
    assert.equal(await versionThatAnswers(), '6.10.3')
  })

  test('takes a user and a package from npm, and gives the package to another project', async () => {
    await npm.signUp('ada', 'a password of ada')
    assert.equal((await npm.run(['whoami'], site.folder)).trim(), 'ada')
    await publish('1.0.0')
    const files = await install('1.0.0')
    assert.equal(Buffer.from(files['greeting.js'] ?? '', 'hex').toString(), "module.exports = 'hello from 1.0.0'\n")
  })

  test('is upgraded by a version while npm publishes and installs: no request fails, none is tried again', async t => {
    await cp(join(examples, 'verdaccio-versions', NEXT), site.app, { recursive: true })
    const load = await startClients()
    const began = performance.now()
    const { operation } = await site.must(['deploy'])
    const seconds = (performance.now() - began) / 1000
    const { sent, failures, slowestMs, published } = await load.stop()
    t.diagnostic(
      `${sent} requests and ${published.length} packages sent, ${failures.length} lost, longest wait ${Math.round(slowestMs)} ms`,
    )
    t.diagnostic(
      `deploy ${seconds.toFixed(1)} s: ${operation.steps.map(({ id, startedAt = 0, endedAt = 0 }) => `${id} ${endedAt - startedAt}`).join(', ')}`,
    )
    assert.deepEqual(failures, [])
    assert.ok(sent > 50 && published.length > 1)
    assert.equal(await versionThatAnswers(), NEXT)
    for (const version of published) await install(version)
  })

  /** Readers that keep their connections, and npm itself, which publishes a version and installs it, again and again. */
  async function startClients() {
    const readers = ['/greeting', '/greeting/-/greeting-1.0.0.tgz', '/-/ping'].map(path => ({
      request: () => ({ host: new URL(registry).host, path }),
      pauseMs: 50,
    }))
    const load = new Load(registry.replace('localhost', '127.0.0.1'), readers)
    const stop = new AbortController()
    const published: string[] = []
    const publishing = (async () => {
      for (let n = 1; !stop.signal.aborted; n++) {
        await publish(`1.1.${n}`)
        await install(`1.1.${n}`)
        published.push(`1.1.${n}`)
      }
    })()
    publishing.catch(() => {}) // it is told by stop
    return {
      async stop() {
        stop.abort()
        const report = await load.stop()
        await publishing
        return { ...report, published }
      },
    }
  }

  test('[rocketchat-10] its backup is proven: restored in a sandbox, equal in content, Verdaccio started on it and tested', async t => {
    await site.must(['backup'])
    const { operation } = await site.must(['drill'])
    const [newest] = (await site.look<{ snapshots: SnapshotView[] }>(['snapshots'])).snapshots
    assert.ok(newest)
    t.diagnostic(JSON.stringify(operation.steps.find(({ id }) => id === 'load')?.output))
    assert.equal(newest.rung, 'booted')
  })

  test('[rm3-06] its storage and users are deleted, and everything is recreated from the backup, to the byte', async t => {
    const before = await install('1.0.0')
    const { stores } = await site.status()
    for (const { path } of stores) for (const name of await readdir(path)) await rm(join(path, name), { recursive: true })
    await assert.rejects(install('1.0.0'))
    const { operation } = await site.must(['restore'])
    t.diagnostic(`restored in ${(operation.endedAt ?? 0) - operation.createdAt} ms`)
    assert.deepEqual(await install('1.0.0'), before)
    assert.equal((await npm.run(['whoami'], site.folder)).trim(), 'ada', 'her token is valid still')
    await publish('2.0.0')
  })

  test('is rolled back to the version before, with what was published since, and tested again', async () => {
    const { operation } = await site.must(['rollback'])
    assert.equal(operation.steps.find(({ id }) => id === 'test')?.state, 'done')
    assert.equal(await versionThatAnswers(), '6.10.3')
    await install('2.0.0')
    await publish('2.0.1')
    const { releases } = await site.look<{ releases: ReleaseView[] }>(['releases'])
    assert.equal(releases.find(({ serving }) => serving)?.id, 'r1')
  })
})
