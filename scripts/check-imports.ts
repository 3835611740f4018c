/** Prints every breach of the import table. Tests may import what they test with. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { importViolations } from './imports.ts'
import { filesOf } from './test-files.ts'

const home = join(import.meta.dirname, '..')
const files = (await filesOf(['src/**/*.ts'], home)).filter(file => !file.endsWith('.test.ts'))
for (const file of files) {
  for (const { line, message } of importViolations(file, await readFile(join(home, file), 'utf8'))) {
    process.stdout.write(`${file}:${line} ${message}\n`)
    process.exitCode = 1
  }
}
