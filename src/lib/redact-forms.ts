/** The forms in which a secret's value turns up in output: as it is, and as the usual encodings write it. */
import { inspect } from 'node:util'

/** A value shorter than this would hide half of every text. */
export const SHORTEST_SECRET = 4
export const isTooShort = (value: string): boolean => value.trim().length < SHORTEST_SECRET
/** A line of a secret that is shorter is no secret by itself: `}` or `-----`. */
const SHORTEST_LINE = 8

/** Every distinct form of the value and of its lines, as bytes. */
export function formsOf(value: string): Uint8Array[] {
  const lines = value.split(/\r\n|\r|\n/).map(line => line.trim())
  const parts = new Set([value, value.trim(), ...(lines.length > 1 ? lines.filter(line => line.length >= SHORTEST_LINE) : [])])
  const forms = new Set<string>()
  for (const part of parts) for (const form of encodings(part)) if (form.length >= SHORTEST_SECRET) forms.add(form)
  return [...forms].map(form => Buffer.from(form))
}

function* encodings(value: string): Generator<string> {
  yield value
  const bytes = Buffer.from(value)
  yield* base64Forms(bytes)
  yield bytes.toString('hex')
  yield bytes.toString('hex').toUpperCase()
  yield* urlForms(value.toWellFormed())
  yield* quotedForms(value)
}

/**
 * The whole value in base64, and the part of it that does not depend on its neighbours when it is encoded in the midst of something:
 * there it begins 0, 1 or 2 bytes into a group of three, and the characters at its edges hold bits of what stands beside it.
 */
function* base64Forms(bytes: Buffer): Generator<string> {
  for (const encoding of ['base64', 'base64url'] as const) {
    const whole = bytes.toString(encoding)
    yield whole
    yield whole.replace(/=+$/, '')
    for (const offset of [0, 1, 2]) {
      const text = Buffer.concat([Buffer.alloc(offset), bytes])
        .toString(encoding)
        .replace(/=+$/, '')
      yield text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
    }
  }
}

function* urlForms(value: string): Generator<string> {
  const component = encodeURIComponent(value)
  const form = new URLSearchParams([['', value]]).toString().slice(1)
  const strict = component.replace(/[!'()*~]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  for (const encoded of [component, component.replaceAll('%20', '+'), form, strict, encodeURI(value)]) {
    yield encoded
    yield encoded.replace(/%[0-9A-F]{2}/g, hex => hex.toLowerCase())
  }
}

/** As the encoders of JSON that are in use write it: each escapes a little more than it must, in small or capital hex. */
function* jsonForms(value: string): Generator<string> {
  const escaped = JSON.stringify(value).slice(1, -1)
  for (const json of [escaped, escaped.replaceAll('/', '\\/')]) {
    // Python and PHP, Go, .NET.
    for (const more of [/(?!)/g, /[\u0080-\uffff]/g, /[<>&\u2028\u2029]/g, /[<>&'+`\u0080-\uffff]|\\"/g]) {
      yield json.replace(more, char => unicodeEscape(char.at(-1) ?? ''))
      yield json.replace(more, char =>
        unicodeEscape(char.at(-1) ?? '')
          .toUpperCase()
          .replace('U', 'u'),
      )
    }
  }
}

const unicodeEscape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

function* quotedForms(value: string): Generator<string> {
  for (const json of jsonForms(value)) {
    yield json
    // A line of JSON in a line of JSON.
    yield JSON.stringify(json).slice(1, -1)
  }
  yield inspect(value).slice(1, -1)
  yield value.replaceAll("'", "'\\''")
  yield value.replaceAll("'", `'"'"'`)
  yield value.replace(/["$`\\]/g, '\\$&')
  yield value.replace(/[^\w\-./:@%+=,\u0080-\uffff]/g, '\\$&')
}
