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
  for (const encoding of ['base64', 'base64url'] as const) {
    yield bytes.toString(encoding)
    yield* base64Forms(bytes, encoding)
  }
  yield* hexForms(bytes)
  yield* byteForms(bytes)
  yield* urlForms(value.toWellFormed())
  yield* quotedForms(value)
}

/** What is made of base64 and hex characters alone, in the usual base64: what `wrapped-forms.ts` finds pieces of. */
export function encodedForms(value: string): string[] {
  const bytes = Buffer.from(value)
  const hex = bytes.toString('hex')
  return isTooShort(value) ? [] : [...base64Forms(bytes, 'base64'), hex, hex.toUpperCase()]
}

/** What pairs of hex digits are pieces of. */
export const hexForm = (value: string): string[] => (isTooShort(value) ? [] : [Buffer.from(value).toString('hex')])

/**
 * The value in base64, unpadded, and the part of it that does not depend on its neighbours when it is encoded in the midst of something:
 * there it begins 0, 1 or 2 bytes into a group of three, and the characters at its edges hold bits of what stands beside it.
 */
function* base64Forms(bytes: Buffer, encoding: 'base64' | 'base64url'): Generator<string> {
  yield bytes.toString(encoding).replace(/=+$/, '')
  for (const offset of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString(encoding)
      .replace(/=+$/, '')
    yield text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
  }
}

/** So many bytes of a Buffer are shown when it is inspected. */
const INSPECTED_BYTES = 50

/** As it is, with colons (openssl), with spaces (hexdump), with hyphens (.NET), and of a Buffer what Node shows of it. */
function* hexForms(bytes: Buffer): Generator<string> {
  const pairs = bytes.toString('hex').match(/../g) ?? []
  for (const form of [pairs.join(''), pairs.join(':'), pairs.join(' '), pairs.join('-')]) {
    yield form
    yield form.toUpperCase()
  }
  yield pairs.slice(0, INSPECTED_BYTES).join(' ')
}

/** As numbers, as JSON has a Buffer and Python a list, as bytes in quotes of Python, and in a mail, where it fits into a line. */
function* byteForms(bytes: Buffer): Generator<string> {
  const numbers = [...bytes]
  yield numbers.join(',')
  yield numbers.join(', ')
  const latin1 = bytes.toString('latin1')
  yield* pythonForms(latin1)
  for (const left of [/[^!-<>-~ \t]/g, /[^!-<>-~]/g])
    yield latin1.replace(left, char => `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

const PYTHON_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** In quotes of either kind, as ASCII: what `repr` makes of bytes and `ascii` of text. */
function* pythonForms(text: string): Generator<string> {
  const escaped = text.replace(/[^ -[\]-~]/gu, char => {
    const code = char.codePointAt(0) ?? 0
    const hex = code.toString(16)
    return (
      PYTHON_ESCAPES[char] ??
      (code < 256 ? `\\x${hex.padStart(2, '0')}` : code < 65536 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`)
    )
  })
  yield escaped
  yield escaped.replaceAll("'", "\\'")
}

/** Beside letters and digits, what encoders of URLs leave as it is: RFC 3986 alone, Python, JavaScript twice, forms, Java, Go's segments and user. */
const LEFT_IN_URLS = ['-_.~', '-_.~/', "-_.!~*'()", "-_.!~*'();,/?:@&=+$#", '*-._', '-_.~$&+=:@', '-_.~$&+,;='].map(
  left => new Set(`ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${left}`),
)

function* urlForms(value: string): Generator<string> {
  const encoded = LEFT_IN_URLS.map(left => percentEncoded(value, left))
  for (const form of new Set([...encoded, escaped(value), ...partsOfUrl(value)])) {
    for (const spaced of [form, form.replaceAll('%20', '+')]) {
      yield spaced
      yield spaced.replace(/%[0-9A-F]{2}/g, hex => hex.toLowerCase())
    }
  }
}

/** As JavaScript's old `escape` does: by the units of UTF-16. */
const escaped = (value: string): string =>
  value.replace(/[^\w@*+\-./]/g, char => {
    const hex = char.charCodeAt(0).toString(16).toUpperCase()
    return hex.length > 2 ? `%u${hex.padStart(4, '0')}` : `%${hex.padStart(2, '0')}`
  })

const percentEncoded = (value: string, left: ReadonlySet<string>): string =>
  Array.from(value, char => (left.has(char) ? char : Buffer.from(char).toString('hex').toUpperCase().replace(/../g, '%$&'))).join('')

/** As a WHATWG URL writes it where it is put in: each part has characters of its own that it encodes. */
function* partsOfUrl(value: string): Generator<string> {
  for (const scheme of ['http', 'postgres']) {
    const url = new URL(`${scheme}://user@host`)
    url.password = value
    url.search = value
    url.hash = value
    url.pathname = `/${value.replace(/[?#]/g, encodeURIComponent)}`
    yield url.password
    // A path is also shortened: what is left of it then is no form of the value.
    const parts = /(^|[/\\])\.\.?([/\\]|$)/.test(value) ? [url.search, url.hash] : [url.search, url.hash, url.pathname]
    for (const part of parts) yield part.slice(1)
  }
}

/** JSON in JSON in JSON: what an app sent as a message, in the event that a library made of it, in a line of a log. */
const JSON_LEVELS = 3
/** What encoders of JSON escape that need not be: Python and PHP, Go, .NET. */
const ESCAPED_MORE = [/(?!)/g, /[\u0080-\uffff]/g, /[<>&\u2028\u2029]/g, /[<>&'+`\u0080-\uffff]|\\"/g]

const plainJson = (value: string): string => JSON.stringify(value).slice(1, -1)

/** As the encoders of JSON that are in use write it: each escapes a little more than it must, in small or capital hex. */
const jsonEncoders = ESCAPED_MORE.flatMap(more =>
  [unicodeEscape, capitalEscape].flatMap(escape => {
    const encode = (value: string): string => plainJson(value).replace(more, char => escape(char.at(-1) ?? ''))
    return [encode, (value: string): string => encode(value).replaceAll('/', '\\/')]
  }),
)

/** On each level more backslashes: by the same encoder again, or by a plain one. */
function* jsonForms(value: string): Generator<string> {
  // Those that write the value the same do so on every level: what the first one adds is backslashes and hex.
  const distinct = new Map(jsonEncoders.map(encode => [encode(value), encode]))
  for (const [form, encode] of distinct) {
    let forms = new Set([form])
    for (let level = 1; level < JSON_LEVELS; level++) {
      yield* forms
      forms = new Set([...forms].flatMap(form => [plainJson(form), encode(form)]))
    }
    yield* forms
  }
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function capitalEscape(char: string): string {
  return unicodeEscape(char).toUpperCase().replace('U', 'u')
}

/** What escapers for HTML and XML write in place of a character; one that they leave alone is not there. */
const HTML_ESCAPES: Record<string, string>[] = [
  {},
  { '"': '&quot;' },
  ...['&#39;', '&#039;', '&#x27;', '&apos;'].map(apostrophe => ({ '"': '&quot;', "'": apostrophe })),
  // Go, Jinja and Flask, Mustache.
  { '"': '&#34;', "'": '&#39;' },
  { '"': '&#34;', "'": '&#39;', '+': '&#43;' },
  { '"': '&quot;', "'": '&#39;', '/': '&#x2F;', '`': '&#x60;', '=': '&#x3D;' },
]

/** In a page, and as JSON in an attribute of one. */
function* htmlForms(value: string): Generator<string> {
  for (const text of [value, plainJson(value)])
    for (const escapes of HTML_ESCAPES) {
      const form = text.replace(/[&<>"'+/`=]/g, char => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', ...escapes })[char] ?? char)
      yield form
      yield* characterReferences(form)
    }
}

/** In XML that is ASCII: Python and others in decimal, some in hex. */
function* characterReferences(text: string): Generator<string> {
  const referred = (write: (code: number) => string) => text.replace(/[^\0-\x7f]/gu, char => `&#${write(char.codePointAt(0) ?? 0)};`)
  yield referred(code => String(code))
  yield referred(code => `x${code.toString(16)}`)
  yield referred(code => `x${code.toString(16).toUpperCase()}`)
}

function* quotedForms(value: string): Generator<string> {
  yield* jsonForms(value)
  yield* htmlForms(value)
  yield* pythonForms(value)
  yield inspect(value).slice(1, -1)
  yield value.replaceAll('"', '""') // CSV
  yield value.replaceAll("'", "'\\''")
  yield value.replaceAll("'", `'"'"'`)
  yield value.replace(/["$`\\]/g, '\\$&')
  yield value.replace(/[^\w\-./:@%+=,\u0080-\uffff]/g, '\\$&')
}
