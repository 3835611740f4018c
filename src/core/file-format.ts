import { FettleError } from './errors.ts'

/**
 * Every file that fettle keeps says its format, and every fettle reads the formats before its own. One that is newer is never
 * guessed at and never written over.
 * @param what the file, by its path
 * @throws FettleError VERSION
 */
export function refuseNewer(found: unknown, known: number, what: string): void {
  if (typeof found !== 'number' || found <= known) return
  throw new FettleError('VERSION', `${what} was written by a newer fettle (format ${found}, this one knows up to ${known})`, {
    hint: 'It was left as it is: use the fettle that wrote it, or a newer one.',
    context: { format: found, known },
  })
}
