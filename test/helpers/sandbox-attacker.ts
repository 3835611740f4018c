/** A process that opens a sandbox in the home that it is told, lets a hostile command loose there, and says what came of it, as JSON. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createProcessRuntime } from '../../src/drivers/runtimes/process/index.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { escape } from './escape.ts'
import { command, group, never, nodeScript } from './process-runtime.ts'

const [, , home = '', source = ''] = process.argv
const secret = 'only-the-live-service-has-this'
const runtime = createProcessRuntime({ home, clock: systemClock, ports: { from: 21_000, to: 21_099 } })
await runtime.open()
for (const name of ['backups', 'keys', 'agent', 'live', 'logs', 'scratch', 'artifacts']) mkdirSync(join(home, name), { recursive: true })
for (const path of ['backups/snapshot', 'keys/shop.key', 'artifacts/code']) writeFileSync(join(home, path), 'real')
/** The kernel knows a socket by the path it was bound by, which may lead nowhere since. */
const names = ['plain', 'by-link', 'relative', 'renamed'] as const
const [isRoot, base] = [process.getuid?.() === 0, dirname(home)]
/** In folders with mounts below, and in those mounts; where only root could make those, in none. */
const places = ['.', 'mounted', 'closed/known', 'closed/mounted', 'stack/twice'].filter(place => existsSync(join(base, place)))
const late = [join(source, 'late.sock'), ...places.map(place => join(base, place, 'late.sock'))]
const sockets = [...names.map(name => join(source, `${name}.sock`)), ...late, ...(isRoot ? [join(base, 'bound.sock')] : [])]
const server = async (path: string) => once(createServer().listen(path).unref(), 'listening')
symlinkSync(source, join(source, 'link'))
process.chdir(source)
await Promise.all([
  server(join(source, 'plain.sock')),
  server(join(source, 'link/by-link.sock')),
  server('relative.sock'),
  server('before.sock'),
])
renameSync('before.sock', 'renamed.sock')
const again = join(base, 'again')
if (isRoot) {
  writeFileSync(join(base, 'bound.sock'), '')
  execFileSync('mount', ['--bind', join(source, 'plain.sock'), join(base, 'bound.sock')])
  mkdirSync(again)
  execFileSync('mount', ['--bind', home, again])
}
await runtime.apply(
  group({ name: 'slow', argv: nodeScript('setInterval(() => {}, 1000)'), port: false, ready: undefined as never, env: { secret } }),
  never,
)
const live = async () => (await runtime.groups({}))[0]?.instances[0]
const before = await live()
const launch = () => readFileSync(join(home, 'units/groups/slow/0/launch'), 'utf8')
const launchBefore = launch()

const view = { hide: [home], write: [join(home, 'scratch')], copy: [join(home, 'artifacts')] }
await runtime.openSandbox('drill', view, never)
await Promise.all(late.map(server))
const unseen = [
  'units/groups/slow/0/launch',
  'units/groups/slow/0/env',
  'backups/snapshot',
  'keys/shop.key',
  'agent/api.sock',
  'live',
  'logs',
  ...(isRoot ? ['../again/backups/snapshot', '../again/keys/shop.key'] : []),
]
const prey = { home, source, unseen, sockets, secret, pids: [before?.pid ?? 0, process.pid] }
const attack = nodeScript(`(${escape})(${JSON.stringify(prey)}).then(found => console.log(JSON.stringify(found)))`)
const { tail, code } = await runtime.run(command(attack, { sandbox: 'drill', timeoutMs: 60_000, cwd: '/' }), never)
const own = [
  'sh',
  '-c',
  'echo changed >code && echo new >cache && cat code && echo kept >../scratch/row && echo private >/tmp/x && cat /tmp/x',
]
const used = await runtime.run(command(own, { name: 'own', sandbox: 'drill', cwd: join(home, 'artifacts') }), never)

const after = await live()
console.log(
  JSON.stringify({
    isolation: runtime.caps.isolation,
    reason: runtime.caps.isolationReason,
    code,
    found: tail.startsWith('{') ? JSON.parse(tail) : tail,
    own: used.tail,
    untouched: { pid: before?.pid === after?.pid, restarts: after?.restarts, launch: launch() === launchBefore },
    files: Object.fromEntries(
      ['backups/snapshot', 'keys/shop.key', 'artifacts/code', 'scratch/row'].map(path => [path, readFileSync(join(home, path), 'utf8')]),
    ),
  }),
)
await runtime.closeSandbox('drill')
await runtime.remove('slow', never)
for (const name of await runtime.commands({})) await runtime.forget(name)
await runtime.close()
