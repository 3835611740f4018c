import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { FettleError } from '../../core/errors.ts'
import { guessSpec } from '../../core/spec/guess.ts'
import { sketchFolder } from '../../lib/folder-sketch.ts'
import type { CommandDefinition } from '../command.ts'

export const init: CommandDefinition = {
  arguments: [{ name: '[folder]', says: 'default: this one' }],
  options: [{ flags: '--print', says: 'print the file instead of writing it' }],
  example: {
    line: 'fettle init',
    does: 'reads package.json, Procfile, Dockerfile and the like, writes fettle.yaml and says what it guessed',
  },
  async run(cli, given) {
    const folder = resolve(cli.io.cwd, given.args[0] ?? '.')
    const file = join(folder, 'fettle.yaml')
    const { text, reasons } = guessSpec(await sketchFolder(folder))
    if (given.flag('print')) {
      cli.answer({ file, text, reasons }, () => text.trimEnd().split('\n'))
      return 0
    }
    await writeNew(file, text)
    cli.answer({ file, text, reasons }, style => [
      `${style.green('✓')} ${file} is written`,
      ...reasons.map(reason => `  ${style.dim('·')} ${reason}`),
      `${style.cyan('→')} look at it, then \`fettle up\``,
    ])
    return 0
  },
}

/** Never over a file that is there. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new FettleError('CONFLICT', `${file} is there already; it is not overwritten`, {
      hint: '`fettle init --print` shows what would be written.',
      cause: error,
    })
  }
}
