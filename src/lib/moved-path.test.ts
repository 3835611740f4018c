import assert from 'node:assert/strict'
import { test } from 'node:test'
import { movedPath } from './moved-path.ts'

for (const [path, from, to, wanted] of [
  ['/old/h/live/a', ['/old/h'], '/new/h', '/new/h/live/a'],
  ['/old/h', ['/old/h'], '/new/h', '/new/h'],
  ['/old/home/live', ['/old/h'], '/new/h', '/old/home/live'],
  ['/srv/photos', ['/old/h'], '/new/h', '/srv/photos'],
  ['/link/live', ['/old/h', '/link'], '/new', '/new/live'],
  ['/h/deeper/live', ['/h'], '/h/deeper', '/h/deeper/live'],
  ['/h/live', ['/h'], '/h/deeper', '/h/deeper/live'],
  ['/h/deeper/live', ['/h/deeper'], '/h', '/h/live'],
] as const) {
  test(`${path} is ${wanted} when ${from} is at ${to}`, () => assert.equal(movedPath(path, from, to), wanted))
}
