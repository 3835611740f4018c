/** What the schemas of the answers are made of. */
import * as z from 'zod'
import type { Json } from '../core/json.ts'

export const text = z.string()
export const number = z.number()
export const count = z.int().nonnegative()
export const flag = z.boolean()
export const time = number.describe('wall clock, ms')
export const json = z.custom<Json>()
export const environment = { app: text, environment: text }
export const may = <Schema extends z.ZodType>(schema: Schema) => z.exactOptional(schema)
export const onlyTrue = may(z.literal(true))
