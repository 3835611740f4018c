/**
 * The instance that should listen at a backend, as its supervisor tells also while no agent lives. Between two of its runs its port is
 * anybody's, and requests carry cookies and passwords: so who listens is proven anew for each run.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eachListener, socketInodes } from '../../../../lib/listeners.ts'
import { descendants, pidsByEnvironment, readBootId } from '../../../../lib/proc-files.ts'
import type { Backend } from '../../../../ports/runtime.ts'

/** Of a listener that is not the instance's: to look at all processes takes some milliseconds. */
const LOOK_AGAIN_MS = 250

export class Supervised {
  readonly #backend: Backend
  #proven = ''
  #foreign = { run: '', until: 0 }

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /** The run to connect to: undefined while there is none, '' where nobody can tell. Synchronous, some 20 µs. */
  run(): string | undefined {
    const run = this.#told()
    const isForeign = run !== undefined && run === this.#foreign.run && performance.now() < this.#foreign.until
    return isForeign ? undefined : run
  }

  #told(): string | undefined {
    if (this.#backend.kind !== 'tcp' || this.#backend.unit === undefined) return ''
    try {
      const [boot, phase, , pid, startTicks] = readFileSync(join(this.#backend.unit, 'state'), 'latin1').split(' ')
      return boot === readBootId() && phase === 'running' ? `${pid} ${startTicks}` : undefined
    } catch (error) {
      // A unit that was removed has none; where the file can not be read serving goes on.
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : ''
    }
  }

  /** Whether it is that run which listens. Asked once somebody does. */
  isItself(run: string): boolean {
    if (run === '' || run === this.#proven) return true
    if (this.#isListening(Number(run.split(' ')[0]))) this.#proven = run
    else this.#foreign = { run, until: performance.now() + LOOK_AGAIN_MS }
    return run === this.#proven
  }

  #isListening(pid: number): boolean {
    if (this.#backend.kind !== 'tcp') return true
    const { port, unit } = this.#backend
    for (const candidate of descendants(pid)) if (listensAt(port, candidate)) return true
    // What left its parents is looked for whatever it holds.
    return pidsByEnvironment(`FETTLE_UNIT=${unit}`).some(candidate => listensAt(port, candidate))
  }
}

function listensAt(port: number, pid: number): boolean {
  const inodes = socketInodes(pid)
  for (const listener of eachListener('self')) if (listener.port === port && inodes.has(listener.inode)) return true
  return false
}
