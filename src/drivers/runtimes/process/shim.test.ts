import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { quote } from '../../../lib/quote.ts'
import { enterScript, envScript, launchScript, parseEnvScript, parseState, shimScript } from './shim.ts'

const HOSTILE = [``, `it's`, `'`, `''`, `\\'`, `a\nexport EVIL='1'\n`, `$HOME \`id\` $(id)`, `"`, `ünïcode ☃`, `-n`, `\t\r`]
const programs = { setsid: '/usr/bin/setsid', setpriv: '/usr/bin/setpriv', env: '/usr/bin/env' }

describe('what the shell is given', () => {
  test('means the same text to it, whatever that holds', () => {
    for (const text of HOSTILE) {
      assert.equal(execFileSync('/bin/sh', ['-c', `printf %s ${quote(text)}`], { encoding: 'utf8' }), text)
    }
  })

  test('can be read back', () => {
    const env = Object.fromEntries(HOSTILE.map((text, i) => [`V${i}`, text]))
    assert.deepEqual(parseEnvScript(envScript(env)), env)
  })

  test('launches an app in a session of its own, tied to its shim', () => {
    const script = launchScript({ argv: ['node', `it's.js`], cwd: '/srv/app', programs, cgroups: ['/cg/web/cgroup.procs'] })
    assert.deepEqual(script.split('\n'), [
      '. ./env',
      '[ ! -e port ] || { read -r PORT <port; export PORT; }',
      `echo 0 >'/cg/web/cgroup.procs' || echo 'fettle: could not enter the cgroup' >&2`,
      `cd '/srv/app' || exit 126`,
      `exec '/usr/bin/setsid' '/usr/bin/setpriv' '--pdeathsig' 'KILL' 'node' 'it'\\''s.js'`,
      '',
    ])
  })

  test('enters a sandbox only while its holder is the process that it was', () => {
    const [holder, way] = [{ pid: 7, startTicks: 99 }, ['nsenter', '--target', '7', '--', 'setpriv']]
    const launch = launchScript({ argv: ['node'], cwd: '/srv', programs, cgroups: [], sandbox: { holder, way } })
    for (const script of [launch.split('\n').slice(2).join('\n'), enterScript(holder, way)]) {
      const [guard = '', exec = ''] = script.split('\n')
      assert.match(guard, /<\/proc\/7\/stat .* = 99 \] \|\| \{ echo 'fettle: its sandbox is gone'; exit 126; \}/)
      assert.match(
        exec.replaceAll(`'`, ''),
        /^exec nsenter --target 7 -- setpriv (\/usr\/bin\/env -C \/srv \/usr\/bin\/setsid node|\/bin\/sh .*)$/,
      )
    }
  })

  test('is a script that a POSIX shell takes', () => {
    for (const mode of ['service', 'command'] as const) {
      const script = shimScript({ mode, delays: [0, 0.5], stableMs: 10_000, timeoutMs: 1500, restarts: 3, killFile: `/a'b` })
      execFileSync('/bin/sh', ['-n'], { input: script })
      assert.match(script, /^stable=1000$/m)
      assert.match(script, /^timeout=1.5$/m)
    }
  })
})

describe('a state line', () => {
  test('is read in full or not at all', () => {
    assert.deepEqual(parseState('boot-id backoff 12 0 0 4 137 oom 250           \n'), {
      boot: 'boot-id',
      phase: 'backoff',
      shimPid: 12,
      pid: 0,
      startTicks: 0,
      restarts: 4,
      lastCode: 137,
      why: 'oom',
      lastRanMs: 2500,
    })
    assert.equal(parseState('boot-id running 12 13 14 0 - - 0\n')?.lastCode, undefined)
    assert.equal(parseState(' '.repeat(160)), undefined)
    assert.equal(parseState(''), undefined)
  })
})
