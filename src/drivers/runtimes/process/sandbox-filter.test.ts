import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { i386Socket, i386Socketcall, x32Socket } from '../../../../test/helpers/odd-sockets.ts'
import { command, never, nodeScript, openRuntime } from '../../../../test/helpers/process-runtime.ts'
import { filterArgv, filterFor, type Instruction } from './sandbox-filter.ts'

const WORDS: Record<number, string> = { 2147418112: 'allowed', 2147483648: 'killed', 327718: 'no such call', 327777: 'no such family' }

/** As the kernel does: an accumulator, a load, two tests, an end. */
function judge(filter: readonly Instruction[], abi: number, number: number, argument = 0): string | undefined {
  const data: Record<number, number> = { 0: number, 4: abi, 16: argument }
  let held: number | undefined
  for (let at = 0; ; at++) {
    const [code, yes, no, operand] = filter[at] ?? assert.fail('it has no end')
    if (code === 0x06) return WORDS[operand]
    if (code === 0x20) held = data[operand]
    else at += (code === 0x15 ? held === operand : code === 0x35 ? Number(held) >= operand : assert.fail(`code ${code}`)) ? yes : no
  }
}

/** A second time, from the kernel's own tables, and two calls of everyday life. */
const ABIS = [
  { machine: 'x64', name: 'x86-64', abi: 0xc000003e, sockets: [41, 53], refused: [425, 248, 249, 250, 298, 321], read: 0, execve: 59 },
  { machine: 'x64', name: 'i386', abi: 0x40000003, sockets: [359, 360], refused: [425, 102, 286, 287, 288, 336, 357], read: 3, execve: 11 },
  { machine: 'arm64', name: 'arm64', abi: 0xc00000b7, sockets: [198, 199], refused: [425, 217, 218, 219, 241, 280], read: 63, execve: 221 },
  { machine: 'arm64', name: 'arm', abi: 0x40000028, sockets: [281, 288], refused: [425, 309, 310, 311, 364, 386], read: 3, execve: 11 },
  { machine: 'riscv64', name: 'riscv64', abi: 0xc00000f3, sockets: [198, 199], refused: [425, 219], read: 63, execve: 221 },
  { machine: 'loong64', name: 'loong64', abi: 0xc0000102, sockets: [198, 199], refused: [425, 219], read: 63, execve: 221 },
]
const LET_THROUGH = [1, 2, 10, 16]

for (const { machine, name, abi, sockets, refused, read, execve } of ABIS) {
  test(`called as ${name}, sockets are made of the families that a network confines, and nothing that goes round them`, () => {
    const filter = filterFor(machine) ?? assert.fail()
    for (const number of sockets)
      for (let family = 0; family < 64; family++)
        assert.equal(judge(filter, abi, number, family), LET_THROUGH.includes(family) ? 'allowed' : 'no such family', `family ${family}`)
    for (const number of refused) assert.equal(judge(filter, abi, number), 'no such call', `call ${number}`)
    for (const number of [read, execve, 1, 435]) assert.equal(judge(filter, abi, number, 40), 'allowed', `call ${number}`)
  })
}

test('called as x32, by a number of nobody or in a way that the machine is not known for, nothing comes of it', () => {
  const filter = filterFor('x64') ?? assert.fail()
  assert.equal(judge(filter, 0xc000003e, 0x40000000 + 41, 1), 'no such call')
  assert.equal(judge(filter, 0xc000003e, 0xffffffff), 'no such call')
  assert.equal(judge(filter, 0xc00000b7, 63), 'killed')
  assert.equal(filterArgv('perl', 'mips'), undefined)
})

test('a program makes no more sockets where it calls as one of 32 bits', { skip: process.arch !== 'x64' }, async context => {
  const folder = mkdtempSync(join(tmpdir(), 'fettle-sockets-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const { runtime } = await openRuntime(context)
  if (runtime.caps.isolation === 'none') return context.skip(runtime.caps.isolationReason)
  const [unix, vsock] = [1, 40]
  const programs = { unix: i386Socket(unix), vsock: i386Socket(vsock), socketcall: i386Socketcall(unix), x32: x32Socket(unix) }
  for (const [name, code] of Object.entries(programs)) writeFileSync(join(folder, name), code, { mode: 0o700 })
  for (const name of ['unix', 'socketcall'] as const)
    if (spawnSync(join(folder, name)).status !== 0) return context.skip('this kernel runs nothing of 32 bits')
  await runtime.openSandbox('drill', { hide: [], write: [], copy: [folder] }, never)
  const app = ['sh', '-c', `cd ${folder}; for name in *; do ./$name; echo $name $?; done`]
  const { tail } = await runtime.run(command(app, { sandbox: 'drill', cwd: '/' }), never)
  assert.deepEqual(tail.trim().split('\n'), ['socketcall 1', 'unix 0', 'vsock 1', 'x32 1'])
})

test('a filtered app works as ever: servers, unix sockets, names, children, and an environment that would lead Perl astray', async context => {
  const { runtime } = await openRuntime(context)
  if (runtime.caps.isolation === 'none') return context.skip(runtime.caps.isolationReason)
  await runtime.openSandbox('drill', { hide: [], write: [], copy: [] }, never)
  const app = nodeScript(`
    const { createServer, get } = require('node:http'); const { spawnSync } = require('node:child_process')
    const served = way => new Promise((done, fail) => {
      const server = createServer((_, answer) => answer.end('served')).listen(way, () => {
        const answered = answer => answer.setEncoding('utf8').on('data', text => { server.close(); server.closeAllConnections(); done(text) })
        get({ ...way, socketPath: way.path, port: server.address().port }, answered).on('error', fail)
      }).on('error', fail)
    })
    ;(async () => console.log(JSON.stringify({
      tcp: await served({ host: '127.0.0.1', port: 0 }), unix: await served({ path: '/tmp/app.sock' }),
      name: await require('node:dns/promises').lookup('shop.example').catch(error => error.syscall), networks: Object.keys(require('node:os').networkInterfaces()),
      child: /Seccomp:\\s+(\\d)/.exec(spawnSync('sh', ['-c', '(grep Seccomp: /proc/self/status)']).stdout)?.[1],
      perl: Object.keys(process.env).filter(name => name.startsWith('PERL')), word: process.argv[1] })))()`)
  const env = { PERL5OPT: '-MNoSuchModule', PERL_UNICODE: 'SA', LC_ALL: 'xx_XX' }
  const { tail, code } = await runtime.run(command([...app, 'käse'], { sandbox: 'drill', env, timeoutMs: 20_000 }), never)
  assert.equal(code, 0, tail)
  assert.deepEqual(JSON.parse(tail), {
    ...{ tcp: 'served', unix: 'served', name: 'getaddrinfo', networks: ['lo'], child: '2' },
    ...{ perl: ['PERL5OPT', 'PERL_UNICODE'], word: 'käse' },
  })
})
