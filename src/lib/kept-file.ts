/** Small files that fettle keeps: JSON that says its format. What can not be read is named, with what to do about it. */
import type * as z from 'zod'
import { FettleError } from '../core/errors.ts'
import { refuseNewer } from '../core/file-format.ts'
import { readNow } from './files.ts'

export interface KeptFile<Content> {
  path: string
  /** What to do where it can not be read, and what is lost by it. */
  hint: string
  /** The newest format that this fettle knows. Default: 1. */
  known?: number
  /** Without it the content is believed to be of its type, once it says its format. */
  schema?: z.ZodType<Content>
  /** How a newer one is called. Default: its path. */
  what?: string
}

/** Undefined when there is none. @throws FettleError DAMAGED naming it, VERSION */
export async function readKept<Content>(file: KeptFile<Content>): Promise<Content | undefined> {
  const text = readNow(file.path)
  return text === undefined ? undefined : parseKept(text, file)
}

/** @throws FettleError DAMAGED naming it, VERSION */
export function parseKept<Content>(text: string, { path, hint, known = 1, schema, what = path }: KeptFile<Content>): Content {
  const damaged = (reason: string, cause?: unknown) => new FettleError('DAMAGED', `${path} can not be read: ${reason}`, { hint, cause })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw damaged(`it is no JSON (${(cause as Error).message})`, cause)
  }
  const format = (value as { format?: unknown } | null)?.format
  refuseNewer(format, known, what)
  if (schema === undefined) {
    if (typeof format !== 'number') throw damaged('it does not say its format')
    return value as Content
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw damaged(parsed.error.issues.map(issue => [issue.path.join('.'), issue.message].filter(part => part !== '').join(': ')).join('; '))
}
