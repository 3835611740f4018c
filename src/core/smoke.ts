/** Whether an answer is what a smoke test asks for. A page that broke off is a failure even when its beginning is right. */
import { formatBytes, formatCount, plural } from './format.ts'
import type { SmokeTest } from './spec/schema.ts'

export interface SmokeResponse {
  status: number
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Uint8Array
  /** False when the connection ended before the answer did. */
  complete: boolean
}

export interface Verdict {
  passed: boolean
  /** Passed: what came back. Failed: every reason. Never text of the body, which may hold anything. */
  why: string
}

export const smokeTestName = (test: Pick<SmokeTest, 'method' | 'http'>): string => `${test.method} ${test.http}`

export function judge(test: SmokeTest, response: SmokeResponse): Verdict {
  const body = Buffer.from(response.body.buffer, response.body.byteOffset, response.body.byteLength)
  const reasons = [
    response.status === test.status ? undefined : `status ${response.status} instead of ${test.status}`,
    truncation(test, response),
    test.contains === undefined || body.includes(test.contains)
      ? undefined
      : `${JSON.stringify(test.contains)} is not in the body${encoded(response)}`,
    test['near-end'] === undefined ? undefined : nearEnd(test['near-end'], body, response),
  ].filter(reason => reason !== undefined)
  return { passed: reasons.length === 0, why: reasons.join('; ') || `status ${response.status}, ${formatBytes(body.length)}` }
}

function truncation(test: SmokeTest, { status, headers, body, complete }: SmokeResponse): string | undefined {
  const hasNoBody = test.method === 'HEAD' || status === 204 || status === 304
  const announced = hasNoBody ? undefined : Number(headers['content-length'] ?? Number.NaN)
  const isShort = announced !== undefined && body.length < announced
  if (complete && !isShort) return undefined
  const of = isShort ? ` of ${formatCount(announced)}` : ''
  return `the answer broke off after ${formatCount(body.length)}${of} bytes`
}

function nearEnd({ text, within }: NonNullable<SmokeTest['near-end']>, body: Buffer, response: SmokeResponse): string | undefined {
  const from = body.lastIndexOf(text)
  if (from >= 0 && body.length - from <= within) return undefined
  const place = from < 0 ? 'is not in the body' : `begins ${formatCount(body.length - from)} bytes before the end`
  return `${JSON.stringify(text)} ${place}, expected within the last ${plural(within, 'byte')}${from < 0 ? encoded(response) : ''}`
}

/** Explains a text that a person sees in the browser and this test does not. */
function encoded({ headers }: SmokeResponse): string {
  const encoding = headers['content-encoding']
  return encoding === undefined || encoding === 'identity' ? '' : ` (it came encoded as ${encoding})`
}
