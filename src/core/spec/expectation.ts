/** Apart from the rest of the schema: a data worker reads expectations, and should not have to load what it never reads. */
import * as z from 'zod'
import { identifier, systemText } from './scalars.ts'

export const Expectation = z
  .strictObject({
    store: identifier.optional().describe('default: the only store'),
    sql: systemText.min(1).optional().describe('a query whose first value is compared'),
    files: systemText.min(1).optional().describe('a glob whose number of matches is compared'),
    'at-least': z.number().optional().describe('smallest value that is right'),
    'at-most': z.number().optional().describe('largest value that is right'),
    equals: z.union([z.string(), z.number()]).optional().describe('the only value that is right'),
  })
  .describe('what must hold in restored data')

export type Expectation = z.output<typeof Expectation>
