import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endpoints } from './endpoints.ts'
import { openApi } from './openapi.ts'

interface Operation {
  operationId: string
  parameters: { name: string; in: 'path' | 'query'; required: boolean; schema: object }[]
  requestBody?: { content: Record<string, { schema: object }> }
  responses: Record<string, { description: string; content: Record<string, { schema: { $ref?: string } }> }>
}
interface Description {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

const description = openApi('1.2.3') as unknown as Description
const operations = Object.entries(description.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, ...operation })),
)

/** Every object in it, at any depth. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield value as Record<string, unknown>
  for (const inner of Object.values(value)) yield* objectsIn(inner)
}

test('it is an OpenAPI 3.1 description of every endpoint', () => {
  assert.match(description.openapi, /^3\.1\./)
  assert.deepEqual([description.info.title, description.info.version], ['fettle agent', '1.2.3'])
  assert.deepEqual(operations.map(({ operationId }) => operationId).sort(), Object.keys(endpoints).sort())
})

test('each path names its parameters, only a POST has a body, and each has an answer and an error', () => {
  for (const { path, method, operationId, parameters, requestBody, responses } of operations) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const described = parameters.filter(parameter => parameter.in === 'path')
    assert.deepEqual([described.map(({ name }) => name), described.every(({ required }) => required)], [inPath, true], operationId)
    assert.equal(requestBody !== undefined, method === 'post', operationId)
    assert.deepEqual(Object.keys(responses), ['200', 'default'], operationId)
    for (const { description: words, content } of Object.values(responses)) {
      assert.ok(words.length > 0)
      for (const { schema } of Object.values(content)) assert.match(schema.$ref ?? '', /^#\/components\/schemas\/\w+$/, operationId)
    }
  }
})

test('each reference leads to a schema, each schema is referred to and says more than that it is an object', () => {
  const { schemas } = description.components
  const refs = new Set([...objectsIn(description)].flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : [])))
  assert.deepEqual(
    [...refs].sort(),
    Object.keys(schemas)
      .map(name => `#/components/schemas/${name}`)
      .sort(),
  )
  for (const [name, schema] of Object.entries(schemas)) {
    assert.ok('properties' in schema || 'oneOf' in schema || 'anyOf' in schema, name)
    assert.ok(!('$id' in schema) && !('$schema' in schema), name)
  }
})
