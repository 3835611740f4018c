import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
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
    assert.deepEqual(offered('--home', '/somewhere', 'dep'), ['deploy'])
    assert.ok(offered('secrets', 'set', '--').includes('--help'))
  })

  it('completes words where there are but a few', () => {
    assert.deepEqual(offered('deploy', '--rehearse', 'n'), ['newest-proven'])
    assert.deepEqual(offered('completion', 'z'), ['zsh'])
    assert.deepEqual(offered('help', 'rest'), ['restart', 'restore'])
  })

  it('completes paths where an option takes one', () => {
    writeFileSync(join(folder, 'next.fettle-plan'), '')
    assert.deepEqual(offered('deploy', '--plan', 'next'), ['next.fettle-plan'])
    assert.deepEqual(offered('plan', '--out', 'next'), ['next.fettle-plan'])
    assert.deepEqual(offered('status', '--home', 'fi'), ['fish'])
    assert.deepEqual(offered('validate', 'next'), ['next.fettle-plan'])
    assert.deepEqual(offered('validate', '--js'), ['--json'])
  })

  it('offers nothing where it knows nothing of the word', () => {
    assert.deepEqual(offered('rollback', '--data', ''), [''])
    assert.deepEqual(offered('backup', '--label', ''), [''])
  })
})

describe('Tab in fish', () => {
  const offered = (line: string): string[] => {
    const press = `source ${script('fish')}; complete -C '${line}'`
    const output = execFileSync('fish', ['--no-config', '-c', press], { cwd: folder, encoding: 'utf8' })
    return output
      .trimEnd()
      .split('\n')
      .map(offer => offer.replace(/\t.*/, ''))
  }

  it('completes commands, subcommands and the options of either', () => {
    assert.deepEqual(offered('fettle dep'), ['deploy'])
    assert.deepEqual(offered('fettle --home /somewhere dep'), ['deploy'])
    assert.ok(!offered('fettle deploy dep').includes('deploy'))
    assert.deepEqual(offered('fettle operations res'), ['resume'])
    assert.deepEqual(offered('fettle operations resume --b'), ['--back'])
    assert.deepEqual(offered('fettle deploy --reh'), ['--rehearse'])
    assert.deepEqual(offered('fettle deploy --rehearse n'), ['newest-proven'])
    assert.deepEqual(offered('fettle completion z'), ['zsh'])
  })
})

describe('Tab in zsh', () => {
  /** What the script hands to zsh's own functions, which need a terminal to show it. */
  const offered = (...words: string[]): string[] => {
    const press = `compdef() {}; _describe() { print -rl -- \${(P)2} }; _files() { print files }
      source "$1"; shift; words=("$@"); CURRENT=$#; _fettle`
    const output = execFileSync('zsh', ['-f', '-e', '-c', press, 'zsh', script('zsh'), 'fettle', ...words], {
      cwd: folder,
      encoding: 'utf8',
    })
    return output
      .trimEnd()
      .split('\n')
      .map(offer => offer.replace(/:.*/, ''))
  }

  it('completes commands, subcommands, the options of either, and paths', () => {
    assert.ok(offered('dep').includes('deploy'))
    assert.ok(offered('operations', '').includes('resume'))
    assert.ok(offered('operations', 'resume', '--').includes('--back'))
    assert.ok(offered('deploy', '--').includes('--rehearse'))
    assert.ok(!offered('status', '--').includes('--rehearse'))
    assert.deepEqual(offered('deploy', '--plan', ''), ['files'])
    assert.deepEqual(offered('deploy', '--rehearse', ''), ['on', 'newest-proven', 'off'])
    assert.ok(offered('completion', '').includes('fish'))
  })
})
