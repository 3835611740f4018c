/** Entry of the front process: `front <home>/front`, the listener as descriptor 3. */
import { runFront } from './drivers/proxies/embedded/front/run.ts'

const folder = process.argv.at(-1)
if (folder === undefined) throw new Error('front: which folder?')
await runFront(folder)
