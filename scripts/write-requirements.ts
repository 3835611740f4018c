/** `npm run requirements`: writes docs/requirements.md. */
import { join } from 'node:path'
import { writeFileAtomic } from '../src/lib/files.ts'
import { readRequirements, renderPage } from './requirements.ts'

const home = join(import.meta.dirname, '..')
await writeFileAtomic(join(home, 'docs/requirements.md'), renderPage(await readRequirements(home)))
