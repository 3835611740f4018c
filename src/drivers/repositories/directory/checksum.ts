import { createHash } from 'node:crypto'
import { canonicalJson, type Json } from '../../../core/json.ts'

/** SHA-256 of the value as JSON with sorted keys and no spaces. */
export const checksumOf = (value: Json): string => createHash('sha256').update(canonicalJson(value)).digest('hex')
