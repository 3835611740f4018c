import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSpec } from './parse.ts'

const warnings = (text: string): string[] =>
  parseSpec(text, { file: 'f.yaml' }).warnings.map(({ line, column, message }) => `${line}:${column}: ${message}`)
const APP = 'app: a\nservices: { web: { run: x } }\n'

test('an environment with the address of production is warned of, with what gives it its own', () => {
  const file = `${APP}routes: [{ host: A.localhost, path: /api/, to: web }]\nenvironments:\n  staging: {}\n  production: {}\n`
  assert.deepEqual(warnings(file), [
    '5:3: staging has the address a.localhost/api/ of production: on one machine only one of them can be deployed; a host of its own: `environments: { staging: { routes: [{ host: staging.A.localhost, path: /api/, to: web }] } }`',
  ])
})

test('what the warning says to write is sound and warned of no more', () => {
  const shared = `${APP}routes: [{ host: "*", to: web }]\nenvironments: { production: {}, staging: {} }\n`
  const [, advice = ''] = /`(.*)`/.exec(warnings(shared)[0] ?? '') ?? []
  assert.deepEqual(warnings(`${APP}routes: [{ host: "*", to: web }]\n${advice.replace('{ staging', '{ production: {}, staging')}\n`), [])
})

test('environments with addresses of their own are not warned of', () => {
  assert.deepEqual(
    warnings(
      `${APP}routes: [{ host: a, to: web }]\nenvironments: { production: {}, staging: { routes: [{ host: b, to: web }] }, dev: { routes: [] } }`,
    ),
    [],
  )
})
