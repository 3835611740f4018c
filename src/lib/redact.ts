/** Hides secrets in text and in streams of bytes, in all the forms of `redact-forms.ts`. Everything else passes unchanged. */
import { stripVTControlCharacters } from 'node:util'
import { MASK, type Secret } from '../core/secret.ts'
import { type Automaton, createAutomaton } from './automaton.ts'
import { formsOf, isTooShort } from './redact-forms.ts'
import { type Scanner, wrappedForms } from './wrapped-forms.ts'

const MASK_BYTES = Buffer.from(MASK)

export interface Redactor {
  redact(text: string): string
  /** Too short to be hidden without hiding everything else: to be reported where they are set. */
  readonly tooShort: Secret[]
  /** For one stream: of all forms of all others. */
  scanners(): Scanner[]
}

/** For the pieces of one stream, in order. What is held and covered is all that another one must know to go on from here. */
export interface RedactedStream {
  /** What can be shown by now: only a piece that may be the beginning of a secret is held back. */
  push(chunk: Uint8Array): Buffer
  /** What is held back, though it may be the beginning of a secret: when the rest of one comes, that is hidden still. */
  flush(): Buffer
  /** The rest. */
  end(): Buffer
  /** How many of the bytes that were pushed are not shown yet. */
  readonly held: number
  /** How many bytes from there on, held or still to come, belong to a secret whose mask was shown. */
  readonly covered: number
  /** How many masks were shown. */
  readonly hidden: number
}

export function createRedactor(secrets: Iterable<Secret>): Redactor {
  const [long, tooShort]: [Secret[], Secret[]] = [[], []]
  for (const secret of secrets) (isTooShort(secret.reveal()) ? tooShort : long).push(secret)
  const values = long.map(secret => secret.reveal())
  const automaton = createAutomaton(values.flatMap(formsOf))
  const wrapped = wrappedForms(values)
  const scanners = () => [automatonScanner(automaton), ...wrapped()]
  const redact = (text: string): string => redactText(scanners(), text)
  return { tooShort, scanners, redact: text => redactBare(redact(text), redact) }
}

/** What a line of ours is without, and a terminal does not show: `printable` takes it out, and that must not bring forth a secret. */
const CONTROL = /[^\P{Cc}\n\t]/u
const CONTROLS = new RegExp(CONTROL, 'gu')

/** Text whose secrets are hidden. Where one is still in it, with colours or other control characters in between, it is without any. */
export function redactBare(text: string, redact: (text: string) => string): string {
  if (!CONTROL.test(text)) return text
  // An escape character alone may take a letter with it.
  for (const withoutSequences of [stripVTControlCharacters(text), text]) {
    const bare = withoutSequences.replace(CONTROLS, '')
    const shown = redact(bare)
    if (shown !== bare) return shown
  }
  return text
}

function redactText(scanners: Scanner[], text: string): string {
  const bytes = Buffer.from(text)
  const spans = new Spans()
  const latin1 = bytes.toString('latin1')
  for (const scanner of scanners) scanner.scan(latin1, spans.add)
  return spans.isEmpty ? text : spans.hide(bytes).toString()
}

function automatonScanner(automaton: Automaton): Scanner {
  let state = 0
  return {
    scan(text, found) {
      state = automaton.scan(text, state, found)
    },
    get pending() {
      return automaton.pending(state)
    },
    reset() {
      state = 0
    },
  }
}

/** Hides what any of the redactors knows. @param covered of the stream that it goes on from */
export function redactedStream(redactors: readonly Pick<Redactor, 'scanners'>[], covered = 0): RedactedStream {
  const spans = new Spans(covered)
  const scanners = redactors.flatMap(redactor => redactor.scanners())
  let held: Buffer = Buffer.alloc(0)
  const show = (bytes: Buffer, count: number): Buffer => {
    held = bytes.subarray(count)
    return spans.hide(bytes.subarray(0, count))
  }
  return {
    push(chunk) {
      const [bytes, before] = [held.length === 0 ? bufferOf(chunk) : Buffer.concat([held, chunk]), held.length]
      const text = bufferOf(chunk).toString('latin1')
      let pending = 0
      for (const scanner of scanners) {
        scanner.scan(text, (start, end) => spans.add(before + start, before + end))
        pending = Math.max(pending, scanner.pending)
      }
      // What is pending may have been flushed.
      return show(bytes, Math.max(0, bytes.length - pending))
    },
    flush: () => show(held, held.length),
    end() {
      for (const scanner of scanners) scanner.reset()
      return show(held, held.length)
    },
    get held() {
      return held.length
    },
    get covered() {
      return spans.covered
    },
    get hidden() {
      return spans.hidden
    },
  }
}

/** The same bytes, without a copy. */
const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength)

interface Span {
  start: number
  end: number
}

/** Ranges to hide, in any order; those that overlap get one mask. One that starts before 0 began in bytes that are out already. */
class Spans {
  #spans: Span[] = []
  /** How many of the next bytes belong to a range whose mask is out. */
  covered: number
  /** How many masks are out. */
  hidden = 0

  constructor(covered = 0) {
    this.covered = covered
  }

  get isEmpty(): boolean {
    return this.#spans.length === 0
  }

  readonly add = (start: number, end: number): void => void this.#spans.push({ start, end })

  /** The bytes, with one mask in place of each range. From then on, positions count from their end. */
  hide(bytes: Buffer): Buffer {
    const { length } = bytes
    const parts: Buffer[] = []
    let at = this.covered
    for (const { start, end } of this.#spans.sort((a, b) => a.start - b.start)) {
      if (start >= length) break
      const from = Math.max(0, start)
      if (from >= at) {
        parts.push(bytes.subarray(at, from), MASK_BYTES)
        this.hidden++
      }
      at = Math.max(at, end)
    }
    if (at < length) parts.push(bytes.subarray(at))
    this.#spans = this.#spans.filter(({ start }) => start >= length).map(({ start, end }) => ({ start: start - length, end: end - length }))
    this.covered = Math.max(0, at - length)
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
  }
}
