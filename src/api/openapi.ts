/** The API's description in OpenAPI 3.1, made from the same table and schemas that the agent serves from. */
import * as z from 'zod'
import { errorCodes } from '../core/errors.ts'
import { requests } from './contract.ts'
import { type EndpointName, endpoints } from './endpoints.ts'

const ErrorSchema = {
  type: 'object',
  required: ['code', 'message', 'retryable'],
  properties: {
    code: { enum: errorCodes },
    message: { type: 'string' },
    hint: { type: 'string' },
    context: { type: 'object' },
    retryable: { type: 'boolean' },
  },
}

const STREAMS: ReadonlySet<EndpointName> = new Set(['events', 'logs'])

type JsonSchema = { properties?: Record<string, unknown>; required?: string[] }

export function openApi(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const { method, path } = endpoints[name]
    const schema = z.toJSONSchema(requests[name], { io: 'input', unrepresentable: 'any' }) as JsonSchema
    const place = path.replace(':id', '{id}')
    paths[place] = { ...paths[place], [method.toLowerCase()]: operation(name, method, schema, path.includes(':id')) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'fettle agent', version, description: 'Served on a unix socket of mode 0600.' },
    paths,
    components: { schemas: { Error: ErrorSchema } },
  }
}

function operation(name: EndpointName, method: 'GET' | 'POST', schema: JsonSchema, hasId: boolean): Record<string, unknown> {
  const id = hasId ? [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }] : []
  const query = Object.entries(schema.properties ?? {})
    .filter(([key]) => method === 'GET' && !(hasId && key === 'id'))
    .map(([key, value]) => ({ name: key, in: 'query', required: false, schema: value }))
  const type = STREAMS.has(name) ? 'application/x-ndjson' : 'application/json'
  return {
    operationId: name,
    parameters: [...id, ...query],
    ...(method === 'POST' ? { requestBody: { content: { 'application/json': { schema } } } } : {}),
    responses: {
      200: {
        description: STREAMS.has(name) ? 'one JSON object a line' : 'the answer',
        content: { [type]: { schema: { type: 'object' } } },
      },
      default: {
        description: 'what was tried, what happened, what to do',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}
