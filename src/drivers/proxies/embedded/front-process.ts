/** The front as a process: started, found again, replaced by another program, ended. It has a shim, which starts it when it died. */
import { statSync } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { FettleError } from '../../../core/errors.ts'
import { readIfExists } from '../../../lib/files.ts'
import { hasEnded } from '../../../lib/process-end.ts'
import type { Clock } from '../../../ports/clock.ts'
import { type Call, callFront } from './control-client.ts'
import type { About } from './front/control.ts'
import { launch, readSettings, requireFree, runningShim, writeSettings } from './launch.ts'
import { CONTROL_SOCKET, ENDED, LOG } from './layout.ts'
import { isProgram, writeProgram } from './shim.ts'

/** Longer than the front drains, and than a start takes on a machine that does too much. */
const END_MS = 30_000
const PAUSE_MS = 10
const LOOK_EVERY_MS = 1000

export interface FrontOptions {
  /** The front lives in `<home>/front`. */
  home: string
  /** argv that starts the front; the folder is added to it. */
  program: readonly string[]
  /** Port 0: any, and the same one ever after if it is free. */
  listen: { host: string; port: number }
  clock: Clock
  /** Addresses and networks of proxies in front of this one, whose X-Forwarded-For and -Proto are believed. */
  trust?: readonly string[]
  /** How long a request waits for an instance that restarts; 10 s unless told. */
  restartWaitMs?: number
  /** Called at named points of an act, where the crash tests end the process. */
  fault?: (point: string) => Promise<void>
  /** Given by whoever wants a shim that was killed to be replaced, with its front when that is gone too; told when it can not be. */
  onLost?: (error: unknown) => void
}

export class FrontProcess {
  readonly #options: FrontOptions
  readonly #folder: string
  #opening: Promise<void> | undefined
  #watch: NodeJS.Timeout | undefined
  #opened: number | undefined

  constructor(options: FrontOptions) {
    this.#options = options
    this.#folder = join(options.home, 'front')
  }

  async open(): Promise<void> {
    await this.#openOnce()
    const { onLost } = this.#options
    if (onLost !== undefined) this.#watch ??= setInterval(() => void this.#revive().catch(onLost), LOOK_EVERY_MS).unref()
  }

  #openOnce(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** A shim starts its front again; nobody but the agent starts a shim. */
  async #revive(): Promise<void> {
    if (this.#opening !== undefined || (await runningShim(this.#folder)) !== undefined || this.#watch === undefined) return
    // Where the folder is another one, or gone, it was moved or removed with the home: that front is no longer ours to start.
    if (this.#inode() === this.#opened) await this.#openOnce()
  }

  #inode(): number | undefined {
    return statSync(this.#folder, { throwIfNoEntry: false })?.ino
  }

  #stopWatching(): void {
    clearInterval(this.#watch)
    this.#watch = undefined
  }

  async #open(): Promise<void> {
    const { host } = this.#options.listen
    if (isIP(host) === 0)
      throw new FettleError('USAGE', `the front listens on an address, and ${host} is none`, { hint: 'Take 127.0.0.1, 0.0.0.0 or ::' })
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await chmod(this.#folder, 0o700)
    this.#opened = this.#inode()
    const running = await this.#running()
    if (running !== undefined && this.#listensAsAsked(running)) {
      const { program } = this.#options
      const isSet = await this.#set(running.listens)
      // Of another version: its files may be removed before it dies and must be started again.
      if (isSet || running.isOrphan || !(await isProgram(this.#folder, program))) await this.reload(program)
      return
    }
    if (running !== undefined) {
      const { listen } = this.#options
      // It serves on where it is when the new address can not be had.
      if (listen.port !== 0 && listen.port !== running.listens.port) await requireFree(listen)
      await this.#end()
    }
    await this.#start()
  }

  /**
   * The front that runs, or is just being started again by its shim: by our program, for the one before may be gone.
   * @throws FettleError TIMEOUT when a shim runs and its front does not come up
   */
  async #running(): Promise<About | undefined> {
    const answering = await this.#answering()
    if (answering !== undefined || (await runningShim(this.#folder)) === undefined) return answering
    await writeProgram(this.#folder, this.#options.program)
    return this.about()
  }

  async #answering(): Promise<About | undefined> {
    try {
      return (await this.call({ method: 'GET', path: '/about' }, 0)) as About
    } catch (error) {
      if (error instanceof FettleError && error.code === 'TIMEOUT') return undefined
      throw error
    }
  }

  #listensAsAsked({ listens }: About): boolean {
    const { host, port } = this.#options.listen
    return listens.host === host && (port === 0 || listens.port === port)
  }

  async #start(): Promise<void> {
    const { program, listen } = this.#options
    const last = (await readSettings(this.#folder))?.port ?? 0
    await writeProgram(this.#folder, program)
    await this.#set({ ...listen, port: listen.port || last })
    await launch(this.#folder, listen, last)
    await this.#fault('start:before-record')
    await this.#set((await this.about()).listens)
  }

  /** @returns whether they were others before: a front reads them when it starts */
  async #set(listens: { host: string; port: number }): Promise<boolean> {
    const { trust, restartWaitMs } = this.#options
    const settings = {
      format: 1,
      ...(trust && { trust: [...trust] }),
      ...(restartWaitMs !== undefined && { restartWaitMs }),
      ...listens,
    } as const
    if (isDeepStrictEqual(settings, await readSettings(this.#folder))) return false
    await writeSettings(this.#folder, settings)
    return true
  }

  /** What runs: its program, for whoever decides about a reload. */
  async about(): Promise<About> {
    return (await this.call({ method: 'GET', path: '/about' })) as About
  }

  /**
   * Puts another program in the front's place. The old one finishes what it has in flight beside it. Resolves when it is gone.
   * @throws FettleError REFUSED when the new one does not come up: the program before serves again
   */
  async reload(program: readonly string[]): Promise<void> {
    const before = await this.about()
    await writeProgram(this.#folder, program)
    const ended = await this.#lastEnd()
    await this.call({ method: 'POST', path: '/end?successor=yes' })
    await this.#until(async () => (await this.#isReplaced(before)) || (await this.#lastEnd()) !== ended)
    if (!(await this.#isReplaced(before))) {
      await writeProgram(this.#folder, before.program)
      await this.#until(() => this.#isReplaced(before))
      throw new FettleError('REFUSED', `the front ${program.join(' ')} does not start; the one before serves again`, {
        hint: `See ${join(this.#folder, LOG)}.`,
      })
    }
    await this.#until(() => hasEnded(before.pid))
  }

  async #isReplaced(before: About): Promise<boolean> {
    const answering = await this.#answering()
    return answering !== undefined && answering.pid !== before.pid
  }

  /** Changes when a front ends unasked. */
  #lastEnd(): Promise<string | undefined> {
    return readIfExists(join(this.#folder, ENDED))
  }

  async shutdown(): Promise<void> {
    this.#stopWatching()
    await this.#end()
  }

  async #end(): Promise<void> {
    const running = await this.#answering()
    const shim = await runningShim(this.#folder)
    if (running !== undefined) await this.call({ method: 'POST', path: '/end?successor=no' })
    else if (shim !== undefined) process.kill(shim, 'SIGTERM')
    // Both: the listener is closed when the last of them is gone.
    const pids = [running?.pid, shim].filter(pid => pid !== undefined)
    await this.#until(async () => (await Promise.all(pids.map(hasEnded))).every(ended => ended))
  }

  async #until(isSo: () => Promise<boolean>): Promise<void> {
    const { clock } = this.#options
    const until = clock.monotonic() + END_MS
    while (!(await isSo())) {
      if (clock.monotonic() > until) throw new FettleError('TIMEOUT', `the front in ${this.#folder} did not do as told within ${END_MS} ms`)
      await clock.sleep(PAUSE_MS)
    }
  }

  /** It serves on. */
  close(): void {
    this.#stopWatching()
  }

  /** Asks it over its control socket. @param patienceMs how long it may take to come up */
  call(call: Call, patienceMs?: number): Promise<unknown> {
    return callFront(join(this.#folder, CONTROL_SOCKET), call, this.#options.clock, patienceMs)
  }

  async #fault(point: string): Promise<void> {
    await this.#options.fault?.(point)
  }
}
