/** What every runtime driver must do. A driver's own test says how programs are spelled for it, and adds what only it promises. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ErrorCode, FettleError } from '../../src/core/errors.ts'
import { Secret } from '../../src/core/secret.ts'
import type { Command, Group, GroupState, Runtime } from '../../src/ports/runtime.ts'

export interface RuntimeHarness {
  /** A runtime over one and the same place, opened: the second stands for the next agent, after the first was closed. */
  open(): Promise<Runtime>
  cwd: string
  /** argv of small programs. */
  programs: {
    /** Answers every request on its port with this status, until told to end. */
    serve(status: number): string[]
    /** Prints the text and a newline, then exits. */
    print(text: string, code: number): string[]
    /** Prints what a variable holds. */
    printVariable(name: string): string[]
    /** Prints what it reads. */
    copy: string[]
    /** Runs until told to end. */
    wait: string[]
  }
  dispose(): Promise<void>
}

const never = new AbortController().signal
const isError = (code: ErrorCode, text?: RegExp) => (error: FettleError) => {
  assert.equal(error.code, code, error.stack)
  if (text !== undefined) assert.match(error.message, text)
  return true
}

let counter = 0
/** A name of its own for each test, so that they may run side by side. */
const unique = (kind: string) => `${kind}-${++counter}`

export function runtimeConformance(driver: string, create: () => Promise<RuntimeHarness>): void {
  describe(`${driver}: what every runtime does`, () => {
    let harness: RuntimeHarness
    let runtime: Runtime
    before(async () => {
      harness = await create()
      runtime = await harness.open()
    })
    after(async () => {
      for (const group of await runtime.groups({})) await runtime.remove(group.name, never)
      for (const command of await runtime.commands({})) await runtime.forget(command)
      for (const sandbox of await runtime.sandboxes()) await runtime.closeSandbox(sandbox)
      await runtime.close()
      await harness.dispose()
    })

    const group = (changes: Partial<Group> = {}): Group => {
      const name = unique('web')
      return {
        name,
        labels: { app: 'shop', environment: 'test', service: name },
        argv: harness.programs.serve(200),
        cwd: harness.cwd,
        env: {},
        instances: 1,
        port: true,
        ready: { http: '/', within: 20_000 },
        stop: { signal: 'SIGTERM', drainMs: 5000 },
        limits: {},
        ...changes,
      }
    }
    const command = (argv: string[], changes: Partial<Command> = {}): Command => {
      const name = unique('op')
      return { name, labels: { app: 'shop', environment: 'test', operation: name }, argv, cwd: harness.cwd, env: {}, ...changes }
    }
    const stateOf = async (name: string): Promise<GroupState> => {
      const found = (await runtime.groups({})).find(state => state.name === name)
      assert.ok(found, `${name} is listed`)
      return found
    }
    const change = (of: string, isIt: (state: GroupState) => boolean): Promise<GroupState> =>
      new Promise(resolve => {
        const stop = runtime.onChange(state => {
          if (state.name !== of || !isIt(state)) return
          stop()
          resolve(state)
        })
      })
    const linesOf = async (selector: { service?: string; operation?: string }, options: { lines?: number; cursor?: string } = {}) => {
      const lines = []
      for await (const line of runtime.logs(selector, { follow: false, ...options }, never)) lines.push(line)
      return lines
    }

    describe('services', () => {
      test('applied, every instance becomes ready with a backend of its own', async () => {
        const wanted = group({ instances: 2 })
        await runtime.apply(wanted, never)
        const backends = await runtime.ready(wanted.name, never)
        assert.equal(new Set(backends.map(backend => JSON.stringify(backend))).size, 2)
        const state = await stateOf(wanted.name)
        assert.equal(state.wanted, 2)
        assert.deepEqual(
          state.instances.map(({ index, state }) => ({ index, state })),
          [
            { index: 0, state: 'ready' },
            { index: 1, state: 'ready' },
          ],
        )
      })

      test('are found by a part of their labels', async () => {
        const wanted = group({ labels: { app: 'shop', environment: 'staging', service: 'web', release: 'r7' } })
        await runtime.apply(wanted, never)
        const names = async (selector: Partial<Group['labels']>) => (await runtime.groups(selector)).map(({ name }) => name)
        assert.deepEqual(await names({ release: 'r7' }), [wanted.name])
        assert.deepEqual(await names({ release: 'r7', environment: 'production' }), [])
      })

      test('applied again, what runs is left as it is', async () => {
        const wanted = group()
        await runtime.apply(wanted, never)
        await runtime.ready(wanted.name, never)
        const [first] = (await stateOf(wanted.name)).instances
        await runtime.apply(wanted, never)
        const [second] = (await stateOf(wanted.name)).instances
        assert.equal(second?.pid, first?.pid)
        assert.equal(second?.state, 'ready')
      })

      test('applied with fewer instances, the surplus goes', async () => {
        const wanted = group({ instances: 3 })
        await runtime.apply(wanted, never)
        await runtime.apply({ ...wanted, instances: 1 }, never)
        const state = await stateOf(wanted.name)
        assert.deepEqual(
          state.instances.map(({ index }) => index),
          [0],
        )
      })

      test('that answer an error are not ready, and the message says what was asked and what came back', async () => {
        const wanted = group({ argv: harness.programs.serve(503), ready: { http: '/health', within: 3000 } })
        await runtime.apply(wanted, never)
        await assert.rejects(runtime.ready(wanted.name, never), isError('NOT_READY', /\/health.*503/))
      })

      test('that end are started again, and say how they ended', async () => {
        const wanted = group({ argv: harness.programs.print('no database', 3), ready: { http: '/', within: 700 } })
        const restarted = change(wanted.name, ({ instances }) => (instances[0]?.restarts ?? 0) > 0)
        await runtime.apply(wanted, never)
        assert.equal((await restarted).instances[0]?.lastExit, 'exited 3')
        await assert.rejects(runtime.ready(wanted.name, never), isError('NOT_READY', /exited 3[\s\S]*no database/))
      })

      test('that nobody applied can not become ready', async () => {
        await assert.rejects(runtime.ready('nobody-applied-this', never), isError('NOT_FOUND'))
      })

      test('waited for, can be given up', async () => {
        const wanted = group({ argv: harness.programs.serve(500) })
        await runtime.apply(wanted, never)
        const giveUp = new AbortController()
        const waiting = assert.rejects(runtime.ready(wanted.name, giveUp.signal), isError('CANCELLED'))
        giveUp.abort()
        await waiting
      })

      test('stopped, stay listed, and run again when applied', async () => {
        const wanted = group()
        await runtime.apply(wanted, never)
        await runtime.ready(wanted.name, never)
        await runtime.stop(wanted.name, never)
        await runtime.stop(wanted.name, never)
        assert.equal((await stateOf(wanted.name)).instances[0]?.state, 'stopped')
        await runtime.apply(wanted, never)
        assert.equal((await runtime.ready(wanted.name, never)).length, 1)
      })

      test('removed, are gone, also when removed again', async () => {
        const wanted = group()
        await runtime.apply(wanted, never)
        await runtime.remove(wanted.name, never)
        await runtime.remove(wanted.name, never)
        assert.ok((await runtime.groups({})).every(({ name }) => name !== wanted.name))
        await runtime.stop(wanted.name, never)
      })

      test('tell of their changes until nobody listens any more', async () => {
        const wanted = group()
        let told = 0
        const stop = runtime.onChange(() => {
          told += 1
        })
        const ready = change(wanted.name, ({ instances }) => instances[0]?.state === 'ready')
        await runtime.apply(wanted, never)
        await ready
        assert.ok(told > 0)
        stop()
        stop()
        told = 0
        const stopped = change(wanted.name, ({ instances }) => instances[0]?.state === 'stopped')
        await runtime.stop(wanted.name, never)
        await stopped
        assert.equal(told, 0)
      })
    })

    describe('commands', () => {
      test('give their exit status and the end of what they printed', async () => {
        const result = await runtime.run(command(harness.programs.print('half way', 7)), never)
        assert.equal(result.code, 7)
        assert.equal(result.timedOut, false)
        assert.equal(result.tail, 'half way')
      })

      test('of one name run once, whoever asks and however often', async () => {
        const once = command(harness.programs.print('done', 0))
        const [first, second] = await Promise.all([runtime.run(once, never), runtime.run(once, never)])
        assert.deepEqual(second, first)
        assert.deepEqual(await runtime.run(once, never), first)
        assert.equal((await linesOf({ operation: once.labels.operation })).length, 1)
      })

      test('read what they are given', async () => {
        const result = await runtime.run(command(harness.programs.copy, { stdin: new Secret('from outside\n') }), never)
        assert.equal(result.tail, 'from outside')
      })

      test('get their environment, whatever is in it', async () => {
        const value = `it's "quoted"\n$HOME \`id\` \\ ünïcode`
        const result = await runtime.run(command(harness.programs.printVariable('HOSTILE'), { env: { HOSTILE: value } }), never)
        assert.equal(result.tail, value)
      })

      test('that print a secret show nothing of it', async () => {
        const result = await runtime.run(
          command(harness.programs.printVariable('KEY'), { env: { KEY: new Secret('s3cr3t-value') } }),
          never,
        )
        assert.equal(result.tail, '••••')
      })

      test('that take too long are ended', async () => {
        const result = await runtime.run(command(harness.programs.wait, { timeoutMs: 200 }), never)
        assert.equal(result.timedOut, true)
        assert.notEqual(result.code, 0)
      })

      test('go on when nobody waits, until they are killed', async () => {
        const long = command(harness.programs.wait)
        const detach = new AbortController()
        const waiting = assert.rejects(runtime.run(long, detach.signal), isError('CANCELLED'))
        detach.abort()
        await waiting
        assert.equal((await runtime.command(long.name)).state, 'running')
        const adopted = runtime.run(long, never)
        await runtime.kill(long.name)
        await runtime.kill(long.name)
        assert.equal((await adopted).code, 143)
        assert.equal((await runtime.command(long.name)).state, 'exited')
      })

      test('forgotten, were never there', async () => {
        const once = command(harness.programs.print('x', 0))
        await runtime.run(once, never)
        assert.deepEqual(await runtime.commands({ operation: once.labels.operation }), [once.name])
        await runtime.forget(once.name)
        await runtime.forget(once.name)
        assert.deepEqual(await runtime.command(once.name), { state: 'absent' })
        assert.deepEqual(await runtime.commands({ operation: once.labels.operation }), [])
      })
    })

    describe('logs', () => {
      test('come in order, continue from a cursor, and can be cut to the last', async () => {
        const talk = command(harness.programs.print('one\ntwo\nthree', 0))
        await runtime.run(talk, never)
        const selector = { operation: talk.labels.operation }
        const lines = await linesOf(selector)
        assert.deepEqual(
          lines.map(({ text }) => text),
          ['one', 'two', 'three'],
        )
        assert.ok(lines.every(({ unit, at }) => unit === talk.name && at > 1e12))
        assert.deepEqual(
          (await linesOf(selector, { cursor: lines[0]?.cursor })).map(({ text }) => text),
          ['two', 'three'],
        )
        assert.deepEqual(
          (await linesOf(selector, { lines: 1 })).map(({ text }) => text),
          ['three'],
        )
      })

      test('followed, go on with what comes, until nobody wants more', async () => {
        const selector = { environment: unique('follow') }
        const labels = { app: 'shop', ...selector }
        const enough = new AbortController()
        const seen: string[] = []
        await runtime.run(command(harness.programs.print('before', 0), { labels }), never)
        for await (const { text } of runtime.logs(selector, { follow: true }, enough.signal)) {
          seen.push(text)
          if (text === 'before') await runtime.run(command(harness.programs.print('after', 0), { labels }), never)
          if (text === 'after') enough.abort()
        }
        assert.deepEqual(seen, ['before', 'after'])
      })
    })

    describe('logs of what was removed', () => {
      test('are shown with those of what runs, for a service; for a command, with its operation', async () => {
        const environment = unique('gone')
        const service = { app: 'shop', environment, service: 'web' }
        for (const text of ['old', 'new']) {
          const talk = group({ name: unique('web'), labels: service, argv: harness.programs.print(text, 0), port: false, ready: undefined })
          const enough = new AbortController()
          await runtime.apply(talk, never)
          for await (const line of runtime.logs({ environment }, { follow: true }, enough.signal)) if (line.text === text) enough.abort()
          await runtime.remove(talk.name, never)
        }
        const texts = (await linesOf({ service: 'web' }, {})).filter(({ labels }) => labels.environment === environment)
        assert.deepEqual([...new Set(texts.map(({ text }) => text))], ['old', 'new'])
        const once = command(harness.programs.print('built', 0))
        await runtime.run(once, never)
        await runtime.forget(once.name)
        assert.deepEqual(
          (await linesOf({ operation: once.labels.operation })).map(({ text }) => text),
          ['built'],
        )
      })
    })

    describe('sandboxes', () => {
      test('open once by name, hold what runs in them, and close with it', async context => {
        if (runtime.caps.isolation === 'none') {
          assert.ok(runtime.caps.isolationReason, 'the reason is told')
          await assert.rejects(runtime.openSandbox('drill', { hide: [], write: [], copy: [] }, never), isError('UNSUPPORTED'))
          return context.skip(runtime.caps.isolationReason)
        }
        const name = unique('drill')
        const sandbox = await runtime.openSandbox(name, { hide: [], write: [harness.cwd], copy: [] }, never)
        await runtime.openSandbox(name, { hide: [], write: [harness.cwd], copy: [] }, never)
        assert.ok((await runtime.sandboxes()).includes(name))
        assert.ok(await runtime.isSandboxOpen(name))
        assert.equal(await sandbox.mails(), 0)
        const inside = group({ sandbox: name })
        await runtime.apply(inside, never)
        assert.equal((await runtime.ready(inside.name, never)).length, 1)
        await runtime.closeSandbox(name)
        await runtime.closeSandbox(name)
        assert.ok(!(await runtime.sandboxes()).includes(name))
        assert.ok(!(await runtime.isSandboxOpen(name)))
        assert.equal((await stateOf(inside.name)).instances[0]?.state, 'stopped')
      })
    })

    test('the next agent finds all of it again', async () => {
      const [service, long, short] = [group(), command(harness.programs.wait), command(harness.programs.print('result', 5))]
      await runtime.apply(service, never)
      await runtime.ready(service.name, never)
      const result = await runtime.run(short, never)
      const running = runtime.run(long, AbortSignal.timeout(200)).catch(() => undefined)
      await running
      const before = (await stateOf(service.name)).instances[0]
      await runtime.close()
      await runtime.close()
      runtime = await harness.open()
      await runtime.ready(service.name, never)
      assert.equal((await stateOf(service.name)).instances[0]?.pid, before?.pid)
      assert.deepEqual(await runtime.run(short, never), result)
      assert.equal((await runtime.command(long.name)).state, 'running')
      await runtime.kill(long.name)
    })
  })
}
