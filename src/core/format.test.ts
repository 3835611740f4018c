import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatCount, formatDuration, plural } from './format.ts'

const DURATIONS: [ms: number, text: string][] = [
  [0, '0 ms'],
  [0.04, '0 ms'],
  [2.44, '2.4 ms'],
  [37, '37 ms'],
  [99.4, '99 ms'],
  [99.5, '0.1 s'],
  [400, '0.4 s'],
  [1000, '1 s'],
  [12_345, '12.3 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min'],
  [123_000, '2 min 3 s'],
  [3_599_600, '1 h'],
  [3_900_000, '1 h 5 min'],
  [86_399_999, '1 d'],
  [273_600_000, '3 d 4 h'],
  [-1500, '-1.5 s'],
  [Number.NaN, 'unknown'],
]
for (const [ms, text] of DURATIONS)
  test(`${ms} milliseconds are shown as ${text}`, () => {
    assert.equal(formatDuration(ms), text)
  })

const SIZES: [bytes: number, text: string][] = [
  [0, '0 B'],
  [812, '812 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [1_048_575, '1 MiB'],
  [526_385_152, '502 MiB'],
  [1024 ** 4 * 3, '3 TiB'],
  [1024 ** 6, '1024 PiB'],
  [-2048, '-2 KiB'],
]
for (const [bytes, text] of SIZES)
  test(`${bytes} bytes are shown as ${text}`, () => {
    assert.equal(formatBytes(bytes), text)
  })

test('counts have a comma before every three digits, decimals none', () => {
  assert.deepEqual([0, 999, 1000, 8_200_000, -12_345, 1234.5678].map(formatCount), [
    '0',
    '999',
    '1,000',
    '8,200,000',
    '-12,345',
    '1,234.5678',
  ])
})

test('one thing is not many', () => {
  assert.deepEqual(
    [plural(1, 'row'), plural(0, 'row'), plural(8979, 'request'), plural(2, 'proxy', 'proxies')],
    ['1 row', '0 rows', '8,979 requests', '2 proxies'],
  )
})
