/** `npm run reference`: writes docs/reference.md. */
import { join } from 'node:path'
import { writeFileAtomic } from '../src/lib/files.ts'
import { renderReference } from './reference.ts'

await writeFileAtomic(join(import.meta.dirname, '../docs/reference.md'), renderReference())
