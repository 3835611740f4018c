/** `npm run docs`: writes the pages that are made from the code. */
import { join } from 'node:path'
import { writeFileAtomic } from '../src/lib/files.ts'
import { cliPages } from './cli-docs.ts'

for (const [path, text] of Object.entries(await cliPages())) await writeFileAtomic(join(import.meta.dirname, '..', path), text)
