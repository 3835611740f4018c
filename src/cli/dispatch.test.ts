import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runCli } from '../../test/helpers/run-cli.ts'
import { errorCodes, exitCodeOf } from '../core/errors.ts'
import { commands } from './commands.ts'
import { parse } from './parser.ts'
import { allCommands } from './reference.ts'

let home = ''
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'fettle-cli-'))
})
after(() => rm(home, { recursive: true, force: true }))

describe('the command line', () => {
  it('names the nearest command, option and subcommand, and ends with 2', async () => {
    const cases: [string[], RegExp][] = [
      [['depoly'], /unknown command 'depoly'\n→ Did you mean deploy\?/],
      [['deploy', '--yess'], /unknown option '--yess'\n→ Did you mean --yes\? `fettle deploy --help`/],
      [['bogus'], /unknown command 'bogus'\n→ `fettle --help` lists/],
      [['--home'], /--home needs a value, and a command\n/],
      [['--env', 'staging'], /--env staging needs a command\n/],
      [['operations', 'follow'], /missing required argument 'operation'\n→ `fettle operations follow --help`/],
      [['operations', 'shwo'], /unknown command 'shwo'\n→ Did you mean show\?/],
      [['deploy', '--rehearse', 'maybe'], /'maybe' is invalid.*Allowed choices are on, newest-proven, off/],
      [['validate', 'a', 'b'], /too many arguments/],
      [['restore', '--store'], /argument missing/],
      [['backup', '--label', '--detach'], /'--detach' is invalid\. It looks like an option/],
      [['status', '--env', 'a', 'b'], /two environments are named: b and --env a/],
      [['scale', 'web=x', '--app', 'a'], /web=x is no service=count/],
      [['scale', 'web=100000', '--app', 'a'], /web=100000 is too many: fettle runs at most 1000/],
      [['logs', '--app', 'a', '--since', '999999999h'], /--since takes a duration of at most ten years, such as 10m or 1h30m/],
      [['logs', '--app', 'a', '-n', '99999999999'], /--lines takes a whole number from 0 to 999999999, not "99999999999"/],
      [['operations', '-n', '0'], /--limit takes a whole number from 1 to 999999999/],
      ...['plan', 'up', 'deploy', 'secrets list'].map((command): [string[], RegExp] => [
        [...command.split(' '), '--app', 'a'],
        /unknown option '--app'/,
      ]),
      [['scale', 'web=2', 'web=3', '--app', 'a'], /web stands there twice: web=2 and web=3/],
      [['backup', '--app', 'a', '--label', 'x'.repeat(201)], /the label has 201 characters, at most 200 are kept\n→ /],
      [['backup', '--app', 'a', '--label', 'a\nb'], /the label is not one line of plain text\n→ /],
      [['completion', 'tcsh'], /there is no completion for tcsh/],
    ]
    for (const [argv, message] of cases) {
      const ran = await runCli(argv, { home })
      assert.equal(ran.code, 2, argv.join(' '))
      assert.match(ran.stderr, message)
      assert.equal(ran.stdout, '')
    }
  })

  it('says of a fettle.yaml that is a link where that leads, when no file is there', async () => {
    const folder = await mkdtemp(join(home, 'links-'))
    for (const [target, name] of [
      ['gone.yaml', 'fettle.yaml'],
      ['loop.yaml', 'loop.yaml'],
    ] as const) {
      await symlink(target, join(folder, name))
      for (const argv of [['validate'], ['status'], ['deploy', '--json']]) {
        const ran = await runCli([...argv, ...(name === 'fettle.yaml' ? [] : ['-f', name])], { home, cwd: folder })
        assert.equal(ran.code, 3, argv.join(' '))
        assert.ok(`${ran.stdout}${ran.stderr}`.includes(`${join(folder, name)} is a link to ${target}, which leads to no file`), ran.stderr)
      }
    }
  })

  it('with --json tells a failure as one object on standard output', async () => {
    const ran = await runCli(['deploy', '--json'], { home })
    assert.equal(ran.code, 3)
    assert.deepEqual(Object.keys(ran.json() as object), ['code', 'message', 'hint', 'retryable'])
    assert.equal(ran.stderr, '')
  })

  it('offers --app only to what it helps without a file', async () => {
    assert.doesNotMatch((await runCli(['up'], { home, cwd: home })).stderr, /--app/)
    assert.match((await runCli(['backup'], { home, cwd: home })).stderr, /--app names an app that fettle already knows/)
  })

  it('takes options before the command too', async () => {
    const ran = await runCli(['--home', join(home, 'elsewhere'), '--json', 'status'], { home })
    assert.match((ran.json() as { message: string }).message, /no agent runs for .*elsewhere/)
  })

  it('has help with a real example for every command and subcommand', async () => {
    for (const { path, definition } of await allCommands(commands)) {
      const ran = await runCli([...path.split(' '), '--help'], { home })
      assert.equal(ran.code, 0, path)
      assert.ok(ran.stdout.includes(`Example:\n  ${definition.example.line}\n`), path)
      assert.equal((await runCli(['help', ...path.split(' ')], { home })).stdout, ran.stdout, path)
    }
  })

  it('breaks its help between words where the terminal is narrow, but for command lines that are to be copied', async () => {
    const all = await allCommands(commands)
    const lines = new Set(all.map(({ definition }) => definition.example.line))
    for (const words of [['--help'], ...all.map(({ path }) => [...path.split(' '), '--help'])]) {
      let text = ''
      await parse(words, commands, { out: piece => (text += piece), hasColours: false, columns: 60 })
      const tooLong = text.split('\n').filter(line => line.length > 60 && !lines.has(line.trim()) && !line.startsWith('Usage: '))
      assert.deepEqual(tooLong, [], words.join(' '))
    }
  })

  it('understands every example that its help shows', async () => {
    const printer = { out: () => {}, hasColours: false, columns: 80 }
    for (const { path, definition } of await allCommands(commands)) {
      const line = definition.example.line.replace(/^.*\| /, '').replace(/ > .*$/, '')
      const words = (line.match(/"[^"]*"|\S+/g) ?? []).map(word => word.replaceAll('"', ''))
      assert.equal(words.shift(), 'fettle', path)
      assert.ok((await parse(words, commands, printer)) !== undefined, line)
    }
  })

  it('without a word prints its help; help exit-codes prints every code of the table', async () => {
    const help = await runCli([], { home })
    assert.equal(help.code, 0)
    for (const { path } of await allCommands(commands)) if (!path.includes(' ')) assert.match(help.stdout, new RegExp(`^  ${path} `, 'm'))
    const { stdout } = await runCli(['help', 'exit-codes'], { home })
    for (const code of errorCodes) assert.match(stdout, new RegExp(`^ +${exitCodeOf(code)}  ${code} +\\w`, 'm'))
  })

  it('without UTF-8 prints no character beyond ASCII', async () => {
    for (const argv of [['help', 'exit-codes'], ['deploy'], ['status']]) {
      const { stdout, stderr } = await runCli(argv, { home, env: { LANG: 'C' } })
      assert.doesNotMatch(stdout + stderr, /\P{ASCII}/u)
    }
  })

  it('colours when forced, and never with NO_COLOR', async () => {
    assert.ok((await runCli(['deploy'], { home, env: { FORCE_COLOR: '1' } })).stderr.includes('\u001b[31m'))
    assert.ok(!(await runCli(['deploy'], { home, env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stderr.includes('\u001b'))
    assert.ok(!(await runCli(['deploy', '--no-color'], { home, env: { FORCE_COLOR: '1' } })).stderr.includes('\u001b'))
  })
})

describe('a command that needs no agent', () => {
  it('validate: says what is in the file, or every problem with its place', async () => {
    await writeFile(
      join(home, 'fettle.yaml'),
      'app: shop\nservices: { web: { run: node x.js } }\nenvironments: { production: {}, staging: {} }\n',
    )
    const valid = await runCli(['validate'], { home })
    assert.equal(valid.stdout, '✓ fettle.yaml is valid: app shop, 1 service, 0 stores, 0 routes, 2 environments (production, staging)\n')
    await writeFile(join(home, 'bad.yaml'), 'app: shop\nservces: {}\n')
    const bad = await runCli(['validate', 'bad.yaml'], { home })
    assert.equal(bad.code, 2)
    assert.match(bad.stderr, /✗ bad\.yaml:2:1: unknown key "servces"; did you mean "services"\?\n.*servces: \{\}\n.*\^{7}\n/)
    await rm(join(home, 'fettle.yaml'))
  })

  it('init: writes a file that validates, and never over one', async () => {
    const folder = await mkdtemp(join(home, 'app-'))
    await writeFile(join(folder, 'package.json'), '{ "name": "shop", "scripts": { "start": "node server.js" } }')
    const printed = await runCli(['init', '--print'], { home, cwd: folder })
    const ran = await runCli(['init'], { home, cwd: folder })
    assert.match(ran.stdout, /fettle\.yaml is written\n {2}· .*package\.json/)
    assert.equal(await readFile(join(folder, 'fettle.yaml'), 'utf8'), printed.stdout)
    assert.equal((await runCli(['validate'], { home, cwd: join(folder) })).code, 0)
    const again = await runCli(['init'], { home, cwd: folder })
    assert.equal(again.code, 4)
    assert.match(again.stderr, /is there already; it is not overwritten/)
  })

  it('schema: prints JSON Schema', async () => {
    assert.equal((JSON.parse((await runCli(['schema'], { home })).stdout) as { title: string }).title, 'fettle.yaml')
  })
})
