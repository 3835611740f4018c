import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { MASK, Secret } from '../core/secret.ts'
import { createRedactor, redactedStream } from './redact.ts'

const random = (length: number): string => createHash('sha512').update(`${length}`).digest('base64').repeat(9).slice(0, length)
const VALUE = random(73)
const PEM = `-----BEGIN PRIVATE KEY-----\n${random(500).replace(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`
const redactorOf = (...values: string[]) => createRedactor(values.map(value => new Secret(value)))
const wrapped = (text: string, columns: number, end: string): string => (text.match(new RegExp(`.{1,${columns}}`, 'g')) ?? []).join(end)

/** The longest piece of any encoding of the value that the text still has, line breaks or not. */
function longestLeft(shown: string, value: string): number {
  const text = shown.replaceAll('-', '+').replaceAll('_', '/').replace(/\s/g, '')
  const hex = Buffer.from(value).toString('hex')
  const forms = [0, 1, 2].map(offset =>
    Buffer.from(' '.repeat(offset) + value)
      .toString('base64')
      .slice(offset + 1, -4),
  )
  let longest = 0
  for (const form of [...forms, hex, hex.toUpperCase()])
    for (let at = 0; at < form.length; at++) while (text.includes(form.slice(at, at + longest + 1)) && at + longest < form.length) longest++
  return longest
}

for (const [name, value] of Object.entries({ 'of 73 bytes': VALUE, 'of many lines': PEM, 'of a few bytes': 'hunter-2' }))
  test(`a secret ${name} is hidden when it is encoded and broken into lines, alone and in the midst of something`, () => {
    for (const encoding of ['base64', 'base64url', 'hex'] as const)
      for (const columns of [20, 57, 60, 64, 76, 100])
        for (const end of ['\n', '\r\n', '\n    '])
          for (const before of ['', 'a', 'ab', 'user:', 'x'.repeat(47), 'y'.repeat(55)]) {
            const encoded = wrapped(Buffer.from(`${before}${value}${'z'.repeat(40)}`).toString(encoding), columns, end)
            const shown = redactorOf(value).redact(`<\n${encoded}\n>`)
            assert.ok(longestLeft(shown, value.trim()) < 8, `${encoding} ${columns} ${JSON.stringify(end)} ${before}: ${shown}`)
            assert.ok(shown.startsWith('<\n') && shown.endsWith('\n>'))
          }
  })

test('what the usual tools print of a secret is hidden', () => {
  for (const command of [
    'base64',
    'base64 -w 64',
    'basenc --base64url',
    'basenc --base16',
    'od -An -v -tx1 -w100',
    'od -An -v -tx1',
    'od -An -v -tx1 -w30',
  ]) {
    const { stdout, status } = spawnSync('sh', ['-c', command], { input: VALUE })
    assert.equal(status, 0, command)
    assert.equal(redactorOf(VALUE).redact(stdout.toString()).replace(/=*\n$/, '').trim(), MASK, command)
  }
})

test('each line of a wrapped secret is hidden by itself, but a last one that is short', () => {
  const lines = wrapped(Buffer.from(VALUE).toString('base64'), 64, '\n').split('\n')
  assert.deepEqual(
    lines.map(line => redactorOf(VALUE).redact(`12:00 ${line}`)),
    [`12:00 ${MASK}`, `12:00 ${MASK}==`],
  )
})

test('of a piece at the end of a wrapped line only its first characters are shown', () => {
  const [first = '', second = ''] = wrapped(Buffer.from(`${'a'.repeat(30)}${VALUE}`).toString('base64'), 50, '\n').split('\n')
  assert.equal(redactorOf(VALUE).redact(`${first}\n`), `${first.slice(0, 40)}${MASK}\n`)
  assert.equal(redactorOf(VALUE).redact(second), MASK)
})

for (const [name, row] of Object.entries({ openssl: ['    ', ':', ':'], od: [' ', ' ', ''], hexdump: ['', ' ', ' '] }))
  test(`hex in pairs over several lines is hidden, as ${name} writes it`, () => {
    const [indent = '', separator = '', last = ''] = row
    for (const value of [VALUE, 'my-database-password-1'])
      for (const width of [8, 15, 16, 30])
        for (const before of ['', 'user=', 'x'.repeat(13)]) {
          const pairs = Buffer.from(`${before}${value}`).toString('hex').toUpperCase()
          const rows = wrapped(pairs, 2 * width, '\n')
            .split('\n')
            .map(digits => `${indent}${wrapped(digits, 2, separator)}${last}\n`)
          const stream = redactedStream([redactorOf(value)])
          const byLine = rows.map(line => Buffer.concat([stream.push(Buffer.from(line)), stream.flush()]).toString()).join('')
          for (const shown of [redactorOf(value).redact(rows.join('')), byLine])
            assert.ok(longestLeft(shown.replace(/[ :]/g, ''), value) < 8, `${width} ${before}: ${shown}`)
        }
  })

test('hex in pairs of something else is shown', () => {
  const text = `${createHash('sha512').update('x').digest('hex').replace(/../g, '$&:').replace(/.{45}/g, '$&\n    ')}\n12:00:01 ab:cd:ef:01:02:03`
  assert.equal(redactorOf(VALUE).redact(text), text)
})

test('what is quoted in a mail, a table or a comment is hidden up to its end', () => {
  const encoded = wrapped(Buffer.from(`${VALUE}`).toString('base64'), 76, '\n')
  for (const prefix of ['> ', '>> ', '# ', '| '])
    assert.equal(redactorOf(VALUE).redact(encoded.replace(/^/gm, prefix)).replace(/=*$/, ''), `${prefix}${MASK}`)
})

test('what is short, of another text, or what every key begins with is shown', () => {
  const encoded = Buffer.from(VALUE).toString('base64')
  const other = Buffer.from(random(74).split('').reverse().join('')).toString('base64')
  const header = Buffer.from('-----BEGIN PUBLIC').toString('base64').slice(0, 20)
  for (const text of [encoded.slice(20, 39), wrapped(encoded, 16, '\n'), other, wrapped(other, 64, '\n'), header])
    assert.equal(redactorOf(VALUE, PEM).redact(text), text)
})

test('a stream gives the same wherever it is cut, but for a few characters before a cut', () => {
  const text = Buffer.from(`before ${wrapped(Buffer.from(`ab${VALUE}cd`).toString('base64'), 64, '\r\n')} after\n`)
  const whole = redactorOf(VALUE).redact(text.toString())
  assert.match(whole, /^before .{0,6}••••.{0,6} after\n$/s)
  for (let cut = 0; cut <= text.length; cut++) {
    const stream = redactedStream([redactorOf(VALUE)])
    const shown = Buffer.concat([stream.push(text.subarray(0, cut)), stream.push(text.subarray(cut)), stream.end()]).toString()
    assert.ok(longestLeft(shown, VALUE) < 8, `${cut}: ${shown}`)
    assert.ok(shown.startsWith('before ') && shown.endsWith(' after\n'))
  }
})

test('a line of a path or a hash is shown with its end at once', () => {
  const stream = redactedStream([redactorOf(VALUE)])
  for (const line of ['/usr/share/applications/defaults\n', `${createHash('sha256').digest('hex')}\n`, 'Continue? y'])
    assert.equal(stream.push(Buffer.from(line)).toString(), line)
})

test('bytes that are no secret pass as they are', () => {
  const noise = Buffer.concat(Array.from({ length: 200 }, (_, i) => createHash('sha512').update(`${i}`).digest()))
  for (const bytes of [noise, Buffer.from(noise.toString('base64')), Buffer.from(wrapped(noise.toString('hex'), 60, '\n'))]) {
    const stream = redactedStream([redactorOf(VALUE, PEM)])
    const shown: Buffer[] = []
    for (let at = 0; at < bytes.length; at += 97) shown.push(stream.push(bytes.subarray(at, at + 97)))
    assert.ok(Buffer.concat([...shown, stream.end()]).equals(bytes))
  }
})
