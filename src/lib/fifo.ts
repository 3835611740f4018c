/** Named pipes, which Node can not make by itself. */
import { FettleError } from '../core/errors.ts'
import { execute } from './execute.ts'

/** For their owner alone. @throws FettleError UNSUPPORTED where none can be made */
export async function makeFifos(...paths: string[]): Promise<void> {
  if (paths.length === 0) return
  const made = await execute('mkfifo', ['-m', '600', '--', ...paths])
  if (made.code !== 0) throw new FettleError('UNSUPPORTED', `no named pipe can be made: ${made.stderr.trim()}`)
}
