import { isUtf8 } from 'node:buffer'
import { FettleError } from '../core/errors.ts'
import type { InputStream } from './io.ts'

const MOST_BYTES = 1024 ** 2

/** @throws FettleError USAGE beyond 1 MiB: no secret is that long, and a device would never end; and for what is no text */
export async function readAll(stdin: InputStream): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > MOST_BYTES) throw new FettleError('USAGE', 'standard input holds more than 1 MiB')
    chunks.push(bytes)
  }
  const bytes = Buffer.concat(chunks)
  if (isUtf8(bytes)) return bytes.toString('utf8')
  throw new FettleError('USAGE', 'standard input is no text in UTF-8: a process would get another value', {
    hint: 'Encode it, for example with `base64 -w0`, and let the app decode it.',
  })
}
