import { createHash } from 'node:crypto'
import { canonicalJson, type Json } from '../core/json.ts'

/** What a plan was made from, as one hash: a plan is refused when it is no longer the same. */
export const basisOf = (facts: Json): string => createHash('sha256').update(canonicalJson(facts)).digest('hex').slice(0, 32)
