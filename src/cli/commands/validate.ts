import { readFile, stat } from 'node:fs/promises'
import { relative } from 'node:path'
import { FettleError, toFettleError } from '../../core/errors.ts'
import { plural } from '../../core/format.ts'
import { type ParsedSpec, parseSpec } from '../../core/spec/parse.ts'
import { renderProblems } from '../../core/spec/problem-text.ts'
import type { CommandDefinition } from '../command.ts'
import type { Given } from '../given.ts'
import type { Style } from '../output/style.ts'
import { fileOf } from '../target.ts'

export const validate: CommandDefinition = {
  arguments: [{ name: '[file]', says: 'default: fettle.yaml here or in a folder above' }],
  takes: ['file'],
  example: { line: 'fettle validate', does: 'says that the file is sound, or every problem with line, column and the nearest valid name' },
  async run(cli, given) {
    const path = fileOf(withFile(given), cli.io.cwd)
    const file = relative(cli.io.cwd, path) || path
    const text = await readRegular(path).catch(error => {
      throw toFettleError(error, `reading ${file}`)
    })
    const parsed = parseSpec(text, { file })
    const { environments, warnings } = parsed
    cli.answer({ valid: true, file: path, app: parsed.spec.app, environments, warnings }, style => [validText(file, parsed, style)])
    if (warnings.length > 0 && !cli.json) cli.warn(style => [`${style.yellow('⚠')} ${renderProblems(warnings, text)}`])
    return 0
  },
}

/** A pipe that nobody writes to would never end. */
async function readRegular(path: string): Promise<string> {
  if ((await stat(path)).isFile()) return readFile(path, 'utf8')
  throw new FettleError('USAGE', `${path} is no regular file`)
}

/** `fettle validate other.yaml` means `--file other.yaml`. */
function withFile(given: Given): Given {
  const [positional] = given.args
  if (positional === undefined) return given
  if (given.text('file') !== undefined) throw new FettleError('USAGE', 'two files are named', { hint: 'Name one.' })
  return given.with('file', positional)
}

function validText(file: string, { spec, environments }: ParsedSpec, style: Style): string {
  const parts = [
    `app ${style.bold(spec.app)}`,
    plural(Object.keys(spec.services).length, 'service'),
    plural(Object.keys(spec.stores).length, 'store'),
    plural(spec.routes.length, 'route'),
    `${plural(environments.length, 'environment')} (${environments.join(', ')})`,
  ]
  return `${style.green('✓')} ${file} is valid: ${parts.join(', ')}`
}
