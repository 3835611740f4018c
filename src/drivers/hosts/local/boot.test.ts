import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { cronLine, cronTable, unitName, unitText } from './boot-text.ts'
import { createBoot } from './index.ts'

const command = { argv: ['/opt/node', '/srv/my app/agent.js', '--home', '/srv/my app'], home: '/srv/my app' }
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'boot-'))
  mkdirSync(join(root, 'bin'))
})
afterEach(() => rmSync(root, { recursive: true }))

/** A stand-in that keeps the table in a file and logs its arguments. */
function program(name: string, script: string): void {
  writeFileSync(join(root, 'bin', name), `#!/bin/sh\necho "$@" >>'${root}/calls'\n${script}\n`)
  chmodSync(join(root, 'bin', name), 0o755)
}

const env = () => ({ PATH: `${join(root, 'bin')}:/usr/bin:/bin`, XDG_CONFIG_HOME: join(root, 'config') })
const crontab = () =>
  program(
    'crontab',
    `[ "$1" = -l ] && { cat '${root}/table' 2>/dev/null || { echo 'no crontab for ada' >&2; exit 1; }; exit 0; }\ncat >'${root}/table'`,
  )

test('a unit leaves services alive when the agent ends, and quotes what systemd would read', () => {
  const text = unitText({ argv: ['/n', '/srv/50% "$HOME"/a.js'], home: '/srv' }, 'multi-user.target')
  assert.match(text, /^KillMode=process$/m)
  assert.match(text, /^ExecStart="\/n" "\/srv\/50%% \\"\$\$HOME\\"\/a.js"$/m)
  assert.equal(unitName('/srv/my app'), 'fettle-srv-my-app.service')
})

test('a crontab keeps the lines of others, and ours is there once', () => {
  const others = 'MAILTO=ada\n\n5 4 * * * /usr/bin/true # fettle agent for /elsewhere\n'
  const once = cronTable(others, command, true)
  assert.equal(once, `${others}${cronLine(command)}\n`)
  assert.equal(cronTable(once, command, true), once)
  assert.equal(cronTable(once, command, false), others)
})

test('where cron runs, enable adds a line, state sees it, disable takes it away', async () => {
  crontab()
  writeFileSync(join(root, 'table'), '1 2 3 4 5 true\n')
  const boot = createBoot({ ...command, root, env: env() })
  assert.equal(await boot.state(), undefined)
  await boot.enable()
  await boot.enable()
  assert.equal(await boot.state(), 'cron, at @reboot')
  assert.equal(readFileSync(join(root, 'table'), 'utf8').split('\n').length, 3)
  assert.equal(await boot.disable(), 'the line in the crontab is removed')
  assert.equal(readFileSync(join(root, 'table'), 'utf8'), '1 2 3 4 5 true\n')
  assert.equal(await boot.disable(), 'nothing started it at boot')
})

test('a crontab that can not be read is not replaced', async () => {
  program('crontab', `[ "$1" = -l ] && { echo 'error reading: Input/output error' >&2; exit 1; }\ncat >'${root}/table'`)
  const boot = createBoot({ ...command, root, env: env() })
  await assert.rejects(boot.enable(), /crontab -l exited 1: error reading: Input\/output error/)
  assert.ok(!existsSync(join(root, 'table')))
})

test('where cron runs and the user has no table yet, one is made', async () => {
  crontab()
  await createBoot({ ...command, root, env: env() }).enable()
  assert.equal(readFileSync(join(root, 'table'), 'utf8'), `${cronLine(command)}\n`)
})

test('where systemd runs, enable writes a unit and enables it, disable removes both', async () => {
  mkdirSync(join(root, 'run/systemd/system'), { recursive: true })
  const folder = join(root, 'etc/systemd/system')
  const path = join(folder, unitName(command.home))
  program(
    'systemctl',
    `[ "$1" != enable ] || { mkdir -p ${folder}/multi-user.target.wants; ln -s ${path} ${folder}/multi-user.target.wants/; }`,
  )
  const boot = createBoot({ ...command, root, env: env(), isRoot: true })
  assert.equal(await boot.state(), undefined)
  await boot.enable()
  assert.match(readFileSync(path, 'utf8'), /WantedBy=multi-user.target/)
  assert.match((await boot.state()) ?? '', /systemd unit/)
  await boot.disable()
  assert.equal(existsSync(path), false)
  assert.equal(await boot.state(), undefined)
  assert.deepEqual(readFileSync(join(root, 'calls'), 'utf8').trim().split('\n'), [
    'daemon-reload',
    `enable ${unitName(command.home)}`,
    `disable ${unitName(command.home)}`,
    'daemon-reload',
  ])
})

test('where systemd runs and does not answer, nothing is left of what was tried', async () => {
  mkdirSync(join(root, 'run/systemd/system'), { recursive: true })
  program('systemctl', 'echo "Failed to connect to bus: No medium found" >&2; exit 1')
  const boot = createBoot({ ...command, root, env: { ...env(), XDG_CONFIG_HOME: join(root, 'config') }, isRoot: false })
  await assert.rejects(boot.enable(), /No medium found/)
  assert.equal(await boot.state(), undefined)
  assert.equal(await boot.disable(), 'nothing started it at boot')
})

test('where neither runs, the error names the command that something else must run, and there is nothing to disable', async () => {
  const boot = createBoot({ ...command, root, env: { PATH: join(root, 'bin') } })
  await assert.rejects(boot.enable(), { code: 'UNSUPPORTED', hint: /\/opt\/node \/srv\/my app\/agent.js/ })
  assert.equal(await boot.disable(), 'nothing started it at boot')
})
