/** Hides secrets in text and in streams of bytes, in all the forms of `redact-forms.ts`. Everything else passes unchanged. */
import { Transform } from 'node:stream'
import { MASK, type Secret } from '../core/secret.ts'
import { type Automaton, createAutomaton } from './automaton.ts'
import { formsOf, isTooShort } from './redact-forms.ts'

const MASK_BYTES = Buffer.from(MASK)

export interface Redactor {
  redact(text: string): string
  /** For the pieces of one stream, in order. */
  stream(): RedactedStream
  /** The same as a stream of Node. */
  transform(): Transform
  /** Too short to be hidden without hiding everything else: to be reported where they are set. */
  readonly tooShort: Secret[]
}

export interface RedactedStream {
  /** What can be shown by now: only a piece that may be the beginning of a secret is held back. */
  push(chunk: Uint8Array): Buffer
  /** The rest. */
  end(): Buffer
}

export function createRedactor(secrets: Iterable<Secret>): Redactor {
  const [long, tooShort]: [Secret[], Secret[]] = [[], []]
  for (const secret of secrets) (isTooShort(secret.reveal()) ? tooShort : long).push(secret)
  const automaton = createAutomaton(long.flatMap(secret => formsOf(secret.reveal())))
  return {
    tooShort,
    redact: text => redactText(automaton, text),
    stream: () => redactedStream(automaton),
    transform: () => redactedTransform(automaton),
  }
}

function redactText(automaton: Automaton, text: string): string {
  const bytes = Buffer.from(text)
  const spans = new Spans()
  automaton.scan(bytes, 0, spans.add)
  return spans.isEmpty ? text : spans.hide(bytes).toString()
}

function redactedStream(automaton: Automaton): RedactedStream {
  const spans = new Spans()
  let state = 0
  let held = Buffer.alloc(0)
  return {
    push(chunk) {
      const [bytes, before] = [Buffer.concat([held, chunk]), held.length]
      state = automaton.scan(chunk, state, (start, end) => spans.add(before + start, before + end))
      const ready = bytes.length - automaton.pending(state)
      const shown = spans.hide(bytes.subarray(0, ready))
      spans.move(ready)
      held = bytes.subarray(ready)
      return shown
    },
    end() {
      const rest = spans.hide(held)
      spans.move(Number.POSITIVE_INFINITY)
      ;[state, held] = [0, Buffer.alloc(0)]
      return rest
    },
  }
}

function redactedTransform(automaton: Automaton): Transform {
  const redacted = redactedStream(automaton)
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, redacted.push(chunk)),
    flush: done => done(null, redacted.end()),
  })
}

/**
 * Ranges to hide, joined where they overlap. They arrive in the order of their ends, and one may swallow those before it.
 * One that starts before 0 began in bytes that are out already, its mask too.
 */
class Spans {
  #spans: { start: number; end: number }[] = []

  get isEmpty(): boolean {
    return this.#spans.length === 0
  }

  readonly add = (start: number, end: number): void => {
    let from = start
    for (let last = this.#spans.at(-1); last !== undefined && last.end > from; last = this.#spans.at(-1)) {
      from = Math.min(from, last.start)
      this.#spans.pop()
    }
    this.#spans.push({ start: from, end })
  }

  /** The bytes, with one mask in place of each span. */
  hide(bytes: Buffer): Buffer {
    const parts: Buffer[] = []
    let at = 0
    for (const { start, end } of this.#spans) {
      if (start >= bytes.length) break
      if (start >= 0) parts.push(bytes.subarray(at, start), MASK_BYTES)
      at = end
    }
    if (at < bytes.length) parts.push(bytes.subarray(at))
    return Buffer.concat(parts)
  }

  /** From now on, positions count from `by`. */
  move(by: number): void {
    this.#spans = this.#spans.filter(span => span.end > by).map(span => ({ start: span.start - by, end: span.end - by }))
  }
}
