import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Scale, scaleAfter, scaledTo, scaleTexts, wantedInstances } from './scale.ts'
import { parseSpec } from './spec/parse.ts'

const release = (number: number, services: string) => ({
  number,
  spec: parseSpec(`app: shop\nservices: { ${services} }`, { file: 'fettle.yaml' }).spec,
})
const web = (number: number, instances: number) => release(number, `web: { run: ./web, instances: ${instances} }`)
const three = scaledTo({}, web(1, 1), { web: 3 })

test('What was scaled counts while the file says what it said then, and is told of', () => {
  assert.deepEqual(three, { web: { instances: 3, file: 1 } })
  assert.deepEqual(wantedInstances(web(2, 1), three), { web: 3 })
  assert.deepEqual(scaleTexts(three, web(2, 1), web(1, 1)), ['web: 3 instances by fettle scale, the file says 1'])
  assert.deepEqual(scaleAfter(three, web(2, 1)), three)
})

test('A file that comes to say the number that ran already is not told of: nothing changes', () => {
  assert.deepEqual(scaleTexts(three, web(2, 3), web(1, 1)), [])
})

test('A file that says another number ends it, also when a later one says the first again; a rollback brings back what ran', () => {
  assert.deepEqual(wantedInstances(web(2, 2), three), { web: 2 })
  assert.deepEqual(scaleTexts(three, web(2, 2), web(1, 1)), ['web: 3 instances by fettle scale → 2, as the file says'])
  const ended = scaleAfter(three, web(2, 2))
  assert.deepEqual(wantedInstances(web(3, 1), ended), { web: 1 })
  assert.deepEqual(wantedInstances(web(1, 1), ended), { web: 3 })
  assert.deepEqual(scaleAfter(ended, web(3, 1)), ended)
  assert.deepEqual(scaleTexts(ended, web(3, 1), web(2, 2)), [])
})

test('A service that leaves the file ends it; one that becomes a singleton runs once', () => {
  const gone = scaleAfter(three, release(2, 'other: { run: ./other }'))
  assert.deepEqual(wantedInstances(web(3, 1), gone), { web: 1 })
  assert.deepEqual(wantedInstances(release(2, 'web: { run: ./web, singleton: true }'), three), { web: 1 })
})

test('Scaled to what the file says nothing stands over it; others stay', () => {
  const scale: Scale = { ...three, worker: { instances: 2, file: 1 } }
  assert.deepEqual(scaledTo(scale, web(1, 1), { web: 1 }), { worker: { instances: 2, file: 1 } })
})

test('Of a number that an earlier fettle wrote down alone it is not known what the file said: it counts', () => {
  assert.deepEqual(wantedInstances(web(4, 2), { web: { instances: 3 } }), { web: 3 })
})
