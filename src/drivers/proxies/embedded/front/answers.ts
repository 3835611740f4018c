/** What the front itself answers: short, plain, and saying whose answer it is. */
import type { ServerResponse } from 'node:http'

export const ANSWERS = {
  badRequest: { status: 400, text: 'This request can not be read in one way only.' },
  unknownHost: { status: 404, text: 'Nothing is served at this address.' },
  unknownCoding: { status: 501, text: 'Of transfer codings, only chunked is understood.' },
  noAnswer: { status: 502, text: 'The application did not answer.' },
  down: { status: 503, text: 'The application is down.' },
  held: { status: 503, text: 'The application is being worked on. Try again in a moment.' },
} as const satisfies Record<string, { status: number; text: string }>

export type Answer = keyof typeof ANSWERS

export function sendAnswer(response: ServerResponse, answer: Answer): void {
  const { status, text } = ANSWERS[answer]
  const body = `${status} ${text} (fettle)\n`
  response.writeHead(status, [
    ...['content-type', 'text/plain; charset=utf-8'],
    ...['content-length', String(Buffer.byteLength(body))],
    ...['cache-control', 'no-store'],
    ...(answer === 'held' ? ['retry-after', '5'] : []),
  ])
  response.end(body)
}
