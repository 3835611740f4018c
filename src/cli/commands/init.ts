import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { FettleError, toFettleError } from '../../core/errors.ts'
import type { FolderSketch } from '../../core/spec/guess/draft.ts'
import { guessSpec } from '../../core/spec/guess.ts'
import { sketchFolder } from '../../lib/folder-sketch.ts'
import type { CommandDefinition } from '../command.ts'
import { printable } from '../output/width.ts'

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
    const { text, reasons, services } = guessSpec(await look(folder))
    if (given.flag('print')) {
      cli.answer({ file, text, reasons, services }, () => text.trimEnd().split('\n'))
      return 0
    }
    await writeNew(file, text)
    cli.answer({ file, text, reasons, services }, style => [
      `${style.green('✓')} ${file} is written`,
      ...reasons.map(reason => `  ${style.dim('·')} ${printable(reason)}`),
      `${style.cyan('→')} ${services.length === 0 ? 'nothing to run was found: add a service to it' : 'look at it'}, then \`fettle up\``,
    ])
    return 0
  },
}

/** @throws FettleError NOT_FOUND, READ_ONLY, USAGE for what is no folder */
async function look(folder: string): Promise<FolderSketch> {
  try {
    return await sketchFolder(folder)
  } catch (error) {
    const isFile = (error as NodeJS.ErrnoException).code === 'ENOTDIR'
    if (isFile) throw new FettleError('USAGE', `${folder} is no folder`, { hint: 'Name the folder of the app: `fettle init ~/my-app`.' })
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new FettleError('NOT_FOUND', `there is no folder ${folder}`, {
        cause: error,
        hint: 'Name the folder of the app, or run it there.',
      })
    throw toFettleError(error, `look at ${folder}`)
  }
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
