/** `fettle.yaml` for editors: JSON Schema draft 2020-12, made from the one schema. */
import * as z from 'zod'
import { Spec } from './schema.ts'

export interface JsonSchema {
  $schema?: string
  $id?: string
  title?: string
  description?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  default?: unknown
  pattern?: string
  minLength?: number
  minimum?: number
  maximum?: number
  properties?: Record<string, JsonSchema>
  patternProperties?: Record<string, JsonSchema | boolean>
  propertyNames?: JsonSchema
  additionalProperties?: JsonSchema | boolean
  required?: string[]
  items?: JsonSchema
  allOf?: JsonSchema[]
  anyOf?: JsonSchema[]
}

const SAME_EVERYWHERE = new Set(['fettle', 'app', 'environments'])

/** Of the file as it is written: nothing is required that has a default, extensions `x-…` are allowed, overlays are described too. */
export function specJsonSchema(): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(Spec, {
    io: 'input',
    override: ({ jsonSchema }) => allowExtensions(jsonSchema as JsonSchema),
  }) as JsonSchema
  const overlaid = Object.entries(schema.properties ?? {}).filter(([key]) => !SAME_EVERYWHERE.has(key))
  const overlay = partial({ ...schema, properties: Object.fromEntries(overlaid) })
  const environments = schema.properties?.environments
  if (environments !== undefined) environments.additionalProperties = { anyOf: [overlay, { type: 'null' }] }
  return { $schema, $id: 'urn:fettle:file:1', title: 'fettle.yaml', ...schema }
}

/** Where keys are fixed, not where the author chooses them. */
function allowExtensions(schema: JsonSchema): void {
  if (schema.properties !== undefined && schema.additionalProperties === false) schema.patternProperties = { '^x-': true }
}

/** A part of it: nothing is required and null removes. */
function partial(schema: JsonSchema): JsonSchema {
  const { required: _required, default: _default, ...rest } = schema
  const orNull = (inner: JsonSchema): JsonSchema => ({ anyOf: [partial(inner), { type: 'null' }] })
  if (rest.properties !== undefined)
    rest.properties = Object.fromEntries(Object.entries(rest.properties).map(([key, inner]) => [key, orNull(inner)]))
  if (typeof rest.additionalProperties === 'object') rest.additionalProperties = orNull(rest.additionalProperties)
  if (rest.anyOf !== undefined) rest.anyOf = rest.anyOf.map(partial)
  return rest
}

/** What may stand at a path, one entry an alternative. */
export function schemasAt(schema: JsonSchema, path: PropertyKey[]): JsonSchema[] {
  let here = alternatives(schema)
  for (const step of path) here = here.flatMap(alternative => alternatives(childSchema(alternative, step)))
  return here
}

function childSchema(schema: JsonSchema, step: PropertyKey): JsonSchema | undefined {
  const { properties = {} } = schema
  if (Object.hasOwn(properties, step)) return properties[String(step)]
  if (typeof step === 'number') return schema.items
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
}

const alternatives = (schema: JsonSchema | undefined): JsonSchema[] =>
  schema === undefined ? [] : (schema.anyOf?.flatMap(alternatives) ?? [schema])
