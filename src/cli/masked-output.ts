/**
 * What a command prints, through the agent: it alone knows the secrets, and answers with what may be shown. One that ends meanwhile is
 * followed by the next, which is sent what was not answered; without any nothing is shown, for nobody could hide the secrets in it.
 */
import type { MaskedPiece } from '../api/views.ts'
import { FettleError, toFettleError } from '../core/errors.ts'
import type { Cli } from './cli.ts'
import type { OutputStream } from './io.ts'
import { lasting } from './watch.ts'

/** Small, for the agent answers each with strings, and its memory is counted: at its peak 19 MB more while 1 GB passes, 24 with what a pipe gives. */
const PIECE_BYTES = 8192

export interface Masking {
  operation: string
  /** A person sits before it and waits for each byte. */
  live: boolean
  signal: AbortSignal
  onHidden(times: number): void
}

/** Resolves at the end of what is printed. @throws FettleError when it can not be shown to its end */
export async function showMasked(cli: Cli, from: AsyncIterable<Buffer>, to: OutputStream, masking: Masking): Promise<void> {
  const { operation, live, signal, onHidden } = masking
  const printed = new Unanswered(from)
  // Not asked before: by then the agent knows every value that the command was given.
  if (!(await printed.begins())) return
  const show = (bytes: Buffer) => new Promise<void>(resolve => to.write(bytes, () => resolve()))
  try {
    await lasting(cli, signal, async client => {
      const { covered } = printed
      for await (const piece of client.stream('mask', { id: operation, covered, live }, signal, printed.read())) {
        printed.answer(piece)
        onHidden(piece.hidden)
        if (piece.shown !== '') await show(Buffer.from(piece.shown, 'base64'))
      }
      return printed.isAnswered ? 'over' : 'again'
    })
  } catch (error) {
    throw notShown(operation, toFettleError(error))
  }
}

function notShown(operation: string, cause: FettleError): FettleError {
  const what = 'what the command prints is not shown any more, for only the agent can hide the secrets in it'
  return new FettleError(cause.code, `${what}: ${cause.message}`, {
    hint: `It goes on by itself: \`fettle operations follow ${operation}\` follows it, \`fettle logs --operation ${operation}\` has what it says to standard error.`,
    context: { operation, ...cause.context },
    cause,
  })
}

/**
 * What came and was not answered yet. It needs no bound of its own: who reads no answers is read no further by the agent, and so it is
 * what fits between the two, and what the agent holds back.
 */
class Unanswered {
  readonly #source: AsyncIterator<Buffer>
  #bytes = Buffer.alloc(0)
  /** How many bytes came before these. */
  #from = 0
  #coming: Promise<void> | undefined
  #isAll = false
  covered = 0

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Whether there is anything. */
  async begins(): Promise<boolean> {
    await this.#more()
    return this.#bytes.length > 0
  }

  get isAnswered(): boolean {
    return this.#isAll && this.#bytes.length === 0
  }

  answer({ taken, covered }: MaskedPiece): void {
    this.#bytes = this.#bytes.subarray(taken)
    this.#from += taken
    this.covered = covered
  }

  /** From the first that was not answered. Who reads no more may still wait here for what comes: it is lost to nobody. */
  async *read(): AsyncGenerator<Buffer> {
    let at = this.#from
    for (;;) {
      const start = Math.max(0, at - this.#from)
      const piece = this.#bytes.subarray(start, start + PIECE_BYTES)
      at = this.#from + start + piece.length
      if (piece.length > 0) yield piece
      else if (this.#isAll) return
      else await this.#more()
    }
  }

  #more(): Promise<void> {
    this.#coming ??= this.#source.next().then(({ done, value }) => {
      this.#coming = undefined
      if (done === true) this.#isAll = true
      else this.#bytes = Buffer.concat([this.#bytes, value])
    })
    return this.#coming
  }
}
