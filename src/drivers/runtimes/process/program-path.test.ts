import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { command, group, never, openRuntime } from '../../../../test/helpers/process-runtime.ts'
import type { FettleError } from '../../../core/errors.ts'
import { shellArgv } from '../../../core/shell-command.ts'

test('a program in a folder that PATH names is found, in `env` and before the command', async context => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-programs-'))
  context.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'own-tool'), '#!/bin/sh\necho found\n', { mode: 0o755 })
  const { runtime } = await openRuntime(context)
  const inEnv = command(shellArgv('own-tool'), { name: 'in-env', env: { PATH: `${folder}:/usr/bin:/bin` } })
  const before = command(shellArgv(`PATH=${folder}:$PATH own-tool && node --version`), { name: 'before' })
  for (const way of [inEnv, before]) {
    const { code, tail } = await runtime.run(way, never)
    assert.equal(code, 0, tail)
    assert.match(tail, /^found/)
  }
})

test('a service whose program is nowhere is told how PATH is changed', async context => {
  const { runtime } = await openRuntime(context)
  await runtime.apply(group({ argv: shellArgv('no-such-tool start'), ready: { http: '/', within: 1000 } }), never)
  await assert.rejects(runtime.ready('web', never), ({ message, hint }: FettleError) => {
    assert.match(message, /no-such-tool: not found/)
    assert.match(hint ?? '', /not in PATH.*`PATH=<its folder>:\$PATH` before the command/)
    return true
  })
})
