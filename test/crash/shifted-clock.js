// The wall clock of a Node process, moved by as many milliseconds as the file `shift` beside this one says. Its monotonic clock goes on.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const { now } = Date
const shifted = () => now() + Number(readFileSync(join(import.meta.dirname, 'shift'), 'utf8'))
Date.now = shifted
globalThis.Date = new Proxy(Date, {
  construct: (date, args, target) => Reflect.construct(date, args.length === 0 ? [shifted()] : args, target),
})
