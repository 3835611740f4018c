/** Named pipes in advance: a program must be run to make some, and that would be half of what the start of a unit takes. */
import { randomUUID } from 'node:crypto'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFifos } from '../../../lib/fifo.ts'
import { namesIn } from '../../../lib/files.ts'

const LOT = 12
const FEW = 4

export class Fifos {
  readonly #folder: string
  #spare: string[] = []
  #making: Promise<void> | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Takes over what the agent before did not need. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    this.#spare = (await namesIn(this.#folder)).map(name => join(this.#folder, name))
    this.#makeAhead()
  }

  /** @throws FettleError UNSUPPORTED where none can be made */
  async put(path: string): Promise<void> {
    while (this.#spare.length === 0) await this.#make()
    await rename(this.#spare.pop() as string, path)
    this.#makeAhead()
  }

  /** Resolves when nothing is made any more. */
  async close(): Promise<void> {
    await this.#making?.catch(() => undefined)
  }

  /** What goes wrong is told to whoever needs one. */
  #makeAhead(): void {
    if (this.#spare.length < FEW) this.#make().catch(() => undefined)
  }

  #make(): Promise<void> {
    this.#making ??= this.#makeLot().finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  async #makeLot(): Promise<void> {
    const paths = Array.from({ length: LOT }, () => join(this.#folder, randomUUID()))
    await makeFifos(...paths)
    this.#spare.push(...paths)
  }
}
