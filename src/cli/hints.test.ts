/** Every command line that fettle names to somebody, in a hint or anywhere else in its code, is one that it understands. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { commands } from './commands.ts'
import { parse } from './parser.ts'

const root = join(import.meta.dirname, '..')
const NAMED = /\\`fettle (?!\$)((?:[^`\\$]|\$\{[^}]*\})+)\\`|'[^'\n]*`fettle (?!\$)([^`'\n\\]+)`/g
const printer = { out: () => {}, hasColours: false, columns: 80 }

/** Words in capitals stand for something; `…` for more of it. */
const wordsOf = (line: string): string[] =>
  line
    .replace(/\$\{[^}]*\}/g, 'x')
    .replace(/ && .*/, '')
    .split(' ')
    .filter(word => word !== '…')

it('every command line in a hint is understood by the parser', async () => {
  const wrong: string[] = []
  let count = 0
  for (const file of globSync('**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] })) {
    for (const [, escaped, plain] of readFileSync(join(root, file), 'utf8').matchAll(NAMED)) {
      const line = escaped ?? plain ?? ''
      count += 1
      await parse(wordsOf(line), commands, printer).catch(error => {
        // A command is also named without what it acts on.
        if (!/missing/.test(error.message)) wrong.push(`${file}: fettle ${line}: ${error.message}`)
      })
    }
  }
  assert.ok(count > 70, `${count} were found`)
  assert.deepEqual(wrong, [])
})
