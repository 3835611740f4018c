/** The few words of JSON Schema that ours uses. An unknown word fails, so that it cannot be ignored silently. */
import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '../../src/core/spec/json-schema.ts'

type Check = (schema: JsonSchema, value: unknown) => boolean
const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const TYPES: Record<string, (value: unknown) => boolean> = {
  object: isMap,
  array: Array.isArray,
  string: value => typeof value === 'string',
  number: value => typeof value === 'number',
  integer: Number.isSafeInteger,
  boolean: value => typeof value === 'boolean',
  null: value => value === null,
}
const NOTES: Check = () => true

const CHECKS: Record<string, Check> = {
  $schema: NOTES,
  $id: NOTES,
  title: NOTES,
  description: NOTES,
  default: NOTES,
  type: ({ type = [] }, value) => [type].flat().some(name => TYPES[name]?.(value) ?? false),
  const: ({ const: only }, value) => isDeepStrictEqual(only, value),
  enum: ({ enum: values = [] }, value) => values.some(one => isDeepStrictEqual(one, value)),
  pattern: ({ pattern = '' }, value) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  minLength: ({ minLength = 0 }, value) => typeof value !== 'string' || value.length >= minLength,
  minimum: ({ minimum = 0 }, value) => typeof value !== 'number' || value >= minimum,
  maximum: ({ maximum = 0 }, value) => typeof value !== 'number' || value <= maximum,
  allOf: ({ allOf = [] }, value) => allOf.every(schema => isValid(schema, value)),
  anyOf: ({ anyOf = [] }, value) => anyOf.some(schema => isValid(schema, value)),
  items: ({ items = {} }, value) => !Array.isArray(value) || value.every(item => isValid(items, item)),
  required: ({ required = [] }, value) => !isMap(value) || required.every(key => Object.hasOwn(value, key)),
  propertyNames: ({ propertyNames = {} }, value) => !isMap(value) || Object.keys(value).every(key => isValid(propertyNames, key)),
  properties: (schema, value) =>
    !isMap(value) || Object.entries(value).every(([key, inner]) => isValid(schema.properties?.[key] ?? {}, inner)),
  patternProperties: NOTES, // ours are all `true`
  additionalProperties(schema, value) {
    const { properties = {}, patternProperties = {}, additionalProperties = true } = schema
    if (!isMap(value)) return true
    const patterns = Object.keys(patternProperties).map(pattern => new RegExp(pattern))
    const others = Object.entries(value).filter(([key]) => !Object.hasOwn(properties, key) && !patterns.some(pattern => pattern.test(key)))
    return others.every(([, inner]) =>
      typeof additionalProperties === 'boolean' ? additionalProperties : isValid(additionalProperties, inner),
    )
  },
}

export function isValid(schema: JsonSchema, value: unknown): boolean {
  return Object.keys(schema).every(word => {
    const check = CHECKS[word]
    if (check === undefined) throw new Error(`the JSON Schema says ${word}, which this check does not know`)
    return check(schema, value)
  })
}
