/** The API's description in OpenAPI 3.1, made from the same table and schemas that the agent serves from. */
import * as z from 'zod'
import { answers, named } from './answer-schemas.ts'
import { requests } from './contract.ts'
import { type Endpoint, type EndpointName, endpoints } from './endpoints.ts'

const STREAMS: ReadonlySet<EndpointName> = new Set(['events', 'logs', 'mask'])

type JsonSchema = { properties?: Record<string, unknown>; required?: string[]; [word: string]: unknown }

const refTo = (name: string): string => `#/components/schemas/${name}`
const answerName = (name: EndpointName): string => `${name[0]?.toUpperCase()}${name.slice(1)}Answer`

export function openApi(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const { method, path } = endpoints[name]
    const schema = z.toJSONSchema(requests[name], { io: 'input', unrepresentable: 'any' }) as JsonSchema
    delete schema.$schema
    const place = path.replace(':id', '{id}')
    paths[place] = { ...paths[place], [method.toLowerCase()]: operation(name, schema, path.includes(':id')) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'fettle agent', version, description: 'Served on a unix socket of mode 0600.' },
    paths,
    components: { schemas: components() },
  }
}

/** `io: 'input'`, for an answer may have more than is described here: a newer agent says more. */
function components(): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id })
  const known = new Set<z.ZodType>(Object.values(named))
  for (const name of Object.keys(answers) as EndpointName[]) {
    if (!known.has(answers[name])) registry.add(answers[name], { id: answerName(name) })
    known.add(answers[name])
  }
  const { schemas } = z.toJSONSchema(registry, { io: 'input', unrepresentable: 'any', uri: refTo })
  return Object.fromEntries(Object.entries(schemas).map(([id, { $schema, $id, ...schema }]) => [id, schema as JsonSchema]))
}

/** The name under which an answer is described: its own, or that of the first endpoint that answers it. */
function componentOf(name: EndpointName): string {
  const own = Object.entries(named).find(([, schema]) => schema === (answers[name] as z.ZodType))
  if (own !== undefined) return own[0]
  const first = (Object.keys(answers) as EndpointName[]).find(other => answers[other] === (answers[name] as z.ZodType))
  return answerName(first ?? name)
}

function operation(name: EndpointName, schema: JsonSchema, hasId: boolean): Record<string, unknown> {
  const { method, takes }: Endpoint = endpoints[name]
  const id = hasId ? [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }] : []
  const query = Object.entries(schema.properties ?? {})
    .filter(([key]) => (method === 'GET' || takes === 'bytes') && !(hasId && key === 'id'))
    .map(([key, value]) => ({ name: key, in: 'query', required: false, schema: value }))
  const type = STREAMS.has(name) ? 'application/x-ndjson' : 'application/json'
  return {
    operationId: name,
    parameters: [...id, ...query],
    ...(method === 'POST' ? { requestBody: { content: takes === 'bytes' ? BYTES : jsonOf(bodyOf(schema, hasId)) } } : {}),
    responses: {
      200: {
        description: STREAMS.has(name) ? 'one JSON object a line' : 'the answer',
        content: { [type]: { schema: { $ref: refTo(componentOf(name)) } } },
      },
      default: {
        description: 'what was tried, what happened, what to do',
        content: jsonOf({ $ref: refTo('Error') }),
      },
    },
  }
}

/** Read while they come, and answered while they are read. */
const BYTES = { 'application/octet-stream': {} }
const jsonOf = (schema: JsonSchema) => ({ 'application/json': { schema } })

/** Without the id, which stands in the path. */
function bodyOf({ properties = {}, required = [], ...schema }: JsonSchema, hasId: boolean): JsonSchema {
  if (!hasId) return { ...schema, properties, required }
  const { id, ...rest } = properties
  return { ...schema, properties: rest, required: required.filter(key => key !== 'id') }
}
