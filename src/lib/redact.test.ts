import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { MASK, Secret } from '../core/secret.ts'
import { createRedactor, redactedStream } from './redact.ts'

const HARD = `p'a"s$s \`w\\ö/r+d=&?#%<>~(!)*`
const redactorOf = (...values: string[]) => createRedactor(values.map(value => new Secret(value)))

/** What comes out when the bytes arrive cut at these places. */
function inPieces(values: string[], bytes: Buffer, cuts: number[]): string {
  const stream = redactedStream([redactorOf(...values)])
  const edges = [0, ...cuts, bytes.length]
  const parts = edges.slice(1).map((end, index) => stream.push(bytes.subarray(edges[index], end)))
  return Buffer.concat([...parts, stream.end()]).toString()
}

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const asJson = (value: string): string => JSON.stringify(value).slice(1, -1)
const asPhpJson = (value: string): string => asJson(value).replaceAll('/', '\\/')

const percent = (code: number): string =>
  code < 256 ? `%${code.toString(16).padStart(2, '0').toUpperCase()}` : `%u${code.toString(16).padStart(4, '0').toUpperCase()}`

const encoders: Record<string, (value: string) => string> = {
  itself: value => value,
  hex: value => Buffer.from(value).toString('hex'),
  'upper-case hex': value => Buffer.from(value).toString('hex').toUpperCase(),
  base64: value => Buffer.from(value).toString('base64'),
  'base64 without padding': value => Buffer.from(value).toString('base64').replace(/=+$/, ''),
  base64url: value => Buffer.from(value).toString('base64url'),
  'a URL component': encodeURIComponent,
  'a URL component in lower case': value => encodeURIComponent(value).replace(/%../g, hex => hex.toLowerCase()),
  'a form field': value => new URLSearchParams({ a: value }).toString().slice(2),
  'a URL component of Python': value =>
    encodeURIComponent(value)
      .replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%2F', '/'),
  'the password in a URL': value => Object.assign(new URL('postgres://app@db/x'), { password: value }).password,
  'the query of a URL': value => Object.assign(new URL('http://host/'), { search: value }).search.slice(1),
  'the fragment of a URL': value => Object.assign(new URL('http://host/'), { hash: value }).hash.slice(1),
  JSON: asJson,
  'JSON in JSON': value => asJson(asJson(value)),
  'JSON in JSON in JSON': value => asJson(asJson(asJson(value))),
  'JSON in JSON in JSON that escapes slashes': value => asPhpJson(asPhpJson(asPhpJson(value))),
  'text in HTML': value => value.replace(/[&<>]/g, char => HTML[char] ?? char),
  'an attribute in HTML': value => value.replace(/[&<>"']/g, char => HTML[char] ?? char),
  'an attribute in HTML, in hex': value => value.replace(/[&<>"']/g, char => (char === "'" ? '&#x27;' : (HTML[char] ?? char))),
  'JSON in an attribute in HTML': value => asJson(value).replace(/[&<>"']/g, char => HTML[char] ?? char),
  'an inspected object': value => inspect({ a: value }).slice(6, -3),
  'hex with colons': value => (Buffer.from(value).toString('hex').match(/../g) ?? []).join(':'),
  'the bytes of a Buffer': value => inspect(Buffer.from(value)).slice('<Buffer '.length, -1),
  'a field of CSV': value => value.replaceAll('"', '""'),
  'old escapes of JavaScript': value =>
    Array.from({ length: value.length }, (_, at) => value.charCodeAt(at))
      .map(code => (/[\w@*+\-./]/.test(String.fromCharCode(code)) ? String.fromCharCode(code) : percent(code)))
      .join(''),
  'XML in ASCII': value => value.replace(/[&<>]/g, char => HTML[char] ?? char).replace(/[^\0-\x7f]/gu, char => `&#${char.codePointAt(0)};`),
  'XML in ASCII, in hex': value =>
    value.replace(/[&<>]/g, char => HTML[char] ?? char).replace(/[^\0-\x7f]/gu, char => `&#x${char.codePointAt(0)?.toString(16)};`),
  'a Buffer in JSON': value => JSON.stringify(Buffer.from(value).toJSON().data).slice(1, -1),
  'hex with hyphens': value => (Buffer.from(value).toString('hex').toUpperCase().match(/../g) ?? []).join('-'),
  'shell quotes': value => value.replaceAll("'", "'\\''"),
}

for (const [form, encode] of Object.entries(encoders)) {
  test(`a secret is hidden when it is printed as ${form}`, () => {
    for (const value of [HARD, 'Zx9/kk+Qm==', 'a-plain-1', 'four', 'häßlich ☃ 𝄞', 'ends in newline\n'])
      assert.equal(redactorOf(value).redact(`<${encode(value)}>`), `<${MASK}>`)
  })
}

test('a secret is hidden as Python writes it: bytes, ASCII, XML, a mail', () => {
  const script = `import os, quopri, xml.etree.ElementTree as ET
s = os.environ['VALUE']; b = s.encode(); e = ET.Element('v'); e.text = s
for form in (repr(b)[2:-1], ascii(s)[1:-1], repr(list(b))[1:-1], ET.tostring(e).decode()[3:-4], quopri.encodestring(b).decode()): print(f'<{form}>')`
  for (const value of ['häßlich ☃ 𝄞\\ <&>', `it's "a" s=cret`, "it's-mine"]) {
    const { stdout } = spawnSync('python3', ['-c', script], { env: { ...process.env, VALUE: value, PYTHONIOENCODING: 'utf-8' } })
    assert.equal(redactorOf(value).redact(stdout.toString()), `<${MASK}>\n`.repeat(5), value)
  }
})

test('a secret is hidden when bash quotes it', () => {
  const { stdout } = spawnSync('bash', ['-c', 'printf "<%q>" "$VALUE"'], { env: { VALUE: 'it is "mine" & $mine' } })
  assert.equal(redactorOf('it is "mine" & $mine').redact(stdout.toString()), `<${MASK}>`)
})

test('a secret in the midst of something that is encoded in base64 leaves at most its edges', () => {
  for (const encoding of ['base64', 'base64url'] as const)
    for (const before of ['', 'u', 'us', 'usr', 'user:'])
      for (const after of ['', '\n', ';;', '@@@']) {
        const encoded = Buffer.from(`${before}${HARD}${after}`).toString(encoding)
        const shown = redactorOf(HARD).redact(encoded)
        assert.match(shown, new RegExp(MASK), `${encoding} ${before}|${after}`)
        const left = shown.replace(MASK, '').length - Buffer.from(before + after).toString(encoding).length
        assert.ok(left <= 4, `${shown} shows too much`)
      }
})

test('an Authorization header of the secret is hidden', () => {
  const header = `Basic ${Buffer.from('admin:correct horse').toString('base64')}`
  const shown = redactorOf('correct horse').redact(header)
  assert.ok(!Buffer.from(shown.slice(6), 'base64').toString('latin1').includes('orrec'))
})

test('of a secret of several lines each line is hidden, and short lines are not', () => {
  const key = '-----BEGIN KEY-----\r\nMIIEvQIBADANBgkq\n}\nhkiG9w0BAQEFAASC\n'
  const text = 'a MIIEvQIBADANBgkq b\n}\n  hkiG9w0BAQEFAASC'
  assert.equal(redactorOf(key).redact(text), `a ${MASK} b\n}\n  ${MASK}`)
  assert.equal(redactorOf(key).redact(`<${key}>`), `<${MASK}>`)
})

test('overlapping secrets are hidden whole', () => {
  assert.equal(redactorOf('abcdefgh', 'efghijkl').redact('..abcdefghijkl..'), `..${MASK}..`)
  assert.equal(redactorOf('abcdef', 'bcde').redact('abcdef bcde'), `${MASK} ${MASK}`)
})

test('a value of under four characters is reported and not hidden', () => {
  const short = new Secret('abc')
  const redactor = createRedactor([short, new Secret('abcd'), new Secret('   x  ')])
  assert.equal(redactor.redact('abc abcd    x  '), `abc ${MASK}    x  `)
  assert.equal(redactor.tooShort[0], short)
  assert.equal(redactor.tooShort.length, 2)
})

test('a secret with what no terminal shows in its midst is hidden, and other text keeps its colours', () => {
  const redactor = redactorOf('Zq7-plain/s3cr3t+ABC==')
  for (const between of ['\x1b[0m', '\x1b[1;31m', '\x1b]0;t\x07', '\x9b0m', '\x07', '\0', '\b', '\x1b', '\x9d'])
    assert.equal(redactor.redact(`a Zq7-plain/${between}s3cr3t+ABC== b`), `a ${MASK} b`)
  assert.equal(redactor.redact([...'Zq7-plain/s3cr3t+ABC=='].join('\x1b[0m')), MASK)
  assert.equal(redactor.redact('\x1b[31mred\x1b[0m Zq7-plain/s3cr3t+ABC=='), `\x1b[31mred\x1b[0m ${MASK}`)
})

test('text without secrets is the same text, lone surrogates and all', () => {
  const text = 'a \ud800 ☃\r\n\0'
  assert.equal(redactorOf('hidden').redact(text), text)
  assert.equal(redactorOf().redact(text), text)
})

test('a stream gives the same wherever it is cut, and bytes that are no text pass', async () => {
  const values = ['xabcdyz', 'abcd', 'cdyzcdyz', 'bcdefghi', 'line one is here\nline two is here']
  const text = Buffer.concat([
    Buffer.from('xabcd xabcdyz bcdefgh xabcdyzcdyzcdyz cdyzcdabcdefghi abcdabcd xabcdefgh line one is here\nline two is her'),
    Buffer.from([0xff, 0xfe, 0x80]),
    Buffer.from('line one is here\nline two is here xabc'),
  ])
  const whole = inPieces(values, text, [])
  assert.ok(whole.includes(MASK) && !values.some(value => whole.includes(value)))
  for (let first = 0; first <= text.length; first++) {
    assert.equal(inPieces(values, text, [first]), whole)
    for (let second = first; second <= text.length; second += 3) assert.equal(inPieces(values, text, [first, second]), whole)
  }
  const everyByte = Array.from(text.keys())
  assert.equal(inPieces(values, text, everyByte), whole)
})

test('every form of a secret is found at every cut of a stream', () => {
  for (const encode of Object.values(encoders)) {
    const text = Buffer.from(`before ${encode(HARD)} after`)
    for (let cut = 0; cut <= text.length; cut++) assert.equal(inPieces([HARD], text, [cut]), `before ${MASK} after`)
  }
})

test('a stream shows at once what can not become a secret', () => {
  const stream = redactedStream([redactorOf('hidden')])
  assert.equal(stream.push(Buffer.from('line\n')).toString(), 'line\n')
  assert.equal(stream.push(Buffer.from('a hid')).toString(), 'a ')
  assert.equal(stream.push(Buffer.from('d')).toString(), '')
  assert.equal(stream.push(Buffer.from('!')).toString(), 'hidd!')
})

test('another stream that is given what was held and covered goes on as the same one would', () => {
  const values = ['xabcdyz', 'abcd', 'cdyzcdyz', 'bcdefghi']
  const text = Buffer.from('xabcd xabcdyz bcdefgh xabcdyzcdyzcdyz cdyzcdabcdefghi abcdabcd xabcdefgh xabc')
  for (let cut = 0; cut <= text.length; cut++) {
    const first = redactedStream([redactorOf(...values)])
    const shown = first.push(text.subarray(0, cut))
    const second = redactedStream([redactorOf(...values)], first.covered)
    const rest = [second.push(text.subarray(cut - first.held)), second.end()]
    assert.equal(Buffer.concat([shown, ...rest]).toString(), inPieces(values, text, []), `cut at ${cut}`)
    assert.equal(first.hidden + second.hidden, inPieces(values, text, []).split(MASK).length - 1)
  }
})

test('what is flushed is shown as it is; the rest of a secret that it began is hidden', () => {
  const stream = redactedStream([redactorOf('hidden')])
  const shown = ['hid', undefined, 'd', 'en', '!', 'h', undefined, 'i'].map(piece =>
    piece === undefined ? stream.flush() : stream.push(Buffer.from(piece)),
  )
  assert.equal(Buffer.concat([...shown, stream.end()]).toString(), `hid${MASK}!hi`)
  assert.equal(stream.hidden, 1)
})

test('several redactors hide what each of them knows, in one pass', () => {
  const stream = redactedStream([redactorOf('hidden-word'), redactorOf('word', 'other')])
  assert.equal(
    Buffer.concat([stream.push(Buffer.from('a word, hidden-word, other')), stream.end()]).toString(),
    `a ${MASK}, ${MASK}, ${MASK}`,
  )
})

test('many long secrets and text made to be slow change nothing but the time', () => {
  const long = Array.from({ length: 1024 }, (_, i) => createHash('sha512').update(`${i}`).digest('base64')).join('')
  assert.notEqual(long[0], 'b', 'it would end the other value too early')
  const text = `${'a'.repeat(100_000)}${long}${'a'.repeat(70_000)}b`
  const shown = redactorOf(long, `${'a'.repeat(60_000)}b`).redact(text)
  assert.equal(shown, `${'a'.repeat(100_000)}${MASK}${'a'.repeat(10_000)}${MASK}`)
})

test('the union of all matches is hidden: the same as marking every occurrence by hand', () => {
  for (let seed = 0; seed < 300; seed++) {
    const digits = createHash('sha512').update(`${seed}`).digest('hex')
    const letters = [...digits.repeat(3)].map(digit => 'ab'[Number.parseInt(digit, 16) % 2]).join('')
    const values = [letters.slice(0, 4), letters.slice(7, 13), letters.slice(20, 29)]
    const text = letters.slice(40, 340)
    assert.equal(redactorOf(...values).redact(text), markedByHand(values, text), `seed ${seed}`)
  }
})

/** Marks each letter of each occurrence; touching occurrences that do not overlap get a mask each. */
function markedByHand(values: string[], text: string): string {
  const spans = values
    .flatMap(value => [...text].flatMap((_, at) => (text.startsWith(value, at) ? [{ start: at, end: at + value.length }] : [])))
    .sort((a, b) => a.start - b.start)
  let [out, at] = ['', 0]
  for (const span of spans) {
    if (span.start >= at) out += text.slice(at, span.start) + MASK
    at = Math.max(at, span.end)
  }
  return out + text.slice(at)
}
