/** `npm run reference`: writes docs/reference.md, docs/cli.md and docs/exit-codes.md. */
import { join } from 'node:path'
import { writeFileAtomic } from '../src/lib/files.ts'
import { cliPages } from './cli-docs.ts'
import { renderReference } from './reference.ts'

const pages = { 'docs/reference.md': renderReference(), ...(await cliPages()) }
for (const [path, text] of Object.entries(pages)) await writeFileAtomic(join(import.meta.dirname, '..', path), text)
