import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { runCli } from '../../test/helpers/run-cli.ts'

const folder = mkdtempSync(join(tmpdir(), 'fettle-completion-'))
const script = (shell: string): string => join(folder, shell)
before(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await runCli(['completion', shell], { home: folder })
    assert.equal(code, 0, stderr)
    writeFileSync(script(shell), stdout)
  }
})
after(() => rmSync(folder, { recursive: true }))

/** What bash offers for the last of the words. */
function offered(...words: string[]): string[] {
  const press = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fettle; printf '%s\\n' "\${COMPREPLY[@]}"`
  const output = execFileSync('bash', ['--norc', '-euc', press, 'bash', script('bash'), 'fettle', ...words], {
    cwd: folder,
    encoding: 'utf8',
  })
  return output.trim().split('\n')
}

describe('Tab in bash', () => {
  it('completes commands, and knows all of them', () => {
    assert.deepEqual(offered('dep'), ['deploy'])
    assert.ok(offered('').length > 25)
  })

  it('completes subcommands and the options of either', () => {
    assert.deepEqual(offered('operations', 'res'), ['resume'])
    assert.deepEqual(offered('operations', 'resume', '--b'), ['--back'])
    assert.deepEqual(offered('deploy', '--reh'), ['--rehearse'])
    assert.ok(offered('secrets', 'set', '--').includes('--help'))
  })

  it('completes paths where an option takes one', () => {
    writeFileSync(join(folder, 'next.fettle-plan'), '')
    assert.deepEqual(offered('deploy', '--plan', 'next'), ['next.fettle-plan'])
    assert.deepEqual(offered('plan', '--out', 'next'), ['next.fettle-plan'])
    assert.deepEqual(offered('status', '--home', 'fi'), ['fish'])
  })
})

/** Debian's zsh and fish bring 20 MB and more: their scripts are parsed where they are. */
for (const [shell, args] of [
  ['zsh', ['-n']],
  ['fish', ['--no-execute']],
] as const) {
  it(`the script for ${shell} is one`, (t: TestContext) => {
    const { error, status, stderr } = spawnSync(shell, [...args, script(shell)], { encoding: 'utf8' })
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return t.skip(`${shell} is not installed here`)
    assert.deepEqual([status, stderr], [0, ''])
  })
}
