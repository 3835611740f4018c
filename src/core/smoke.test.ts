import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, type SmokeResponse } from './smoke.ts'
import { SmokeTest } from './spec/schema.ts'

const page = (text: string, rest: Partial<SmokeResponse> = {}): SmokeResponse => ({
  status: 200,
  headers: {},
  body: Buffer.from(text),
  complete: true,
  ...rest,
})
const smokeTest = (rest: object) => SmokeTest.parse({ http: '/', ...rest })
const END = { 'near-end': { text: '</html>', within: 20 } }

const CASES: [title: string, smokeTest: object, response: SmokeResponse, why: string][] = [
  ['an answer with the status asked for passes', {}, page('ok'), 'status 200, 2 B'],
  ['a redirect passes where it is asked for', { status: 302 }, page('', { status: 302 }), 'status 302, 0 B'],
  ['a text in the body passes, also beyond ASCII', { contains: 'Grüße' }, page('… Grüße …'), 'status 200, 15 B'],
  ['[rm3-12] a text near the end of the page passes', END, page('<html>…</html>\n'), 'status 200, 17 B'],
  [
    '[rm3-12] a text that ends the last bytes exactly passes',
    { 'near-end': { text: 'end', within: 3 } },
    page('the end'),
    'status 200, 7 B',
  ],
  [
    'an answer to HEAD announces a body that does not come',
    { method: 'HEAD' },
    page('', { headers: { 'content-length': '99' } }),
    'status 200, 0 B',
  ],
]
for (const [title, asked, response, why] of CASES)
  test(title, () => {
    assert.deepEqual(judge(smokeTest(asked), response), { passed: true, why })
  })

const FAILURES: [title: string, smokeTest: object, response: SmokeResponse, why: string][] = [
  ['another status fails', {}, page('', { status: 500 }), 'status 500 instead of 200'],
  ['a text that is missing fails', { contains: 'shop' }, page('error'), '"shop" is not in the body'],
  [
    'a text that is hidden by an encoding fails and says so',
    { contains: 'shop' },
    page('\u001f\u008b', { headers: { 'content-encoding': 'gzip' } }),
    '"shop" is not in the body (it came encoded as gzip)',
  ],
  ['[rm3-12] a page without its end fails', END, page('<html>…'), '"</html>" is not in the body, expected within the last 20 bytes'],
  [
    '[rm3-12] a text too far from the end of the page fails',
    END,
    page(`<html></html>${' '.repeat(14)}`),
    '"</html>" begins 21 bytes before the end, expected within the last 20 bytes',
  ],
  [
    '[rm3-12] a text that is cut by the last bytes fails',
    { 'near-end': { text: 'end', within: 3 } },
    page('the end.'),
    '"end" begins 4 bytes before the end, expected within the last 3 bytes',
  ],
  [
    '[rm3-12] a page shorter than announced fails though its status is right',
    {},
    page('half', { headers: { 'content-length': '8' } }),
    'the answer broke off after 4 of 8 bytes',
  ],
  ['[rm3-12] a page whose connection ended early fails', {}, page('half', { complete: false }), 'the answer broke off after 4 bytes'],
  [
    'all reasons are told',
    { ...END, contains: 'shop' },
    page('oops', { status: 502, complete: false }),
    'status 502 instead of 200; the answer broke off after 4 bytes; "shop" is not in the body; "</html>" is not in the body, expected within the last 20 bytes',
  ],
]
for (const [title, asked, response, why] of FAILURES)
  test(title, () => {
    assert.deepEqual(judge(smokeTest(asked), response), { passed: false, why })
  })
