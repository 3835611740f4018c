/** Lines at the bottom of a terminal that are redrawn in place. Only lines that changed are written. */
import type { OutputStream } from '../io.ts'
import { toAscii } from './style.ts'
import { truncate, widthOf } from './width.ts'

const ESC = '\u001b['
const HIDE_CURSOR = `${ESC}?25l`
const SHOW_CURSOR = `${ESC}?25h`
/** Terminals that know it show the frame at once, others ignore it. */
const BEGIN_FRAME = `${ESC}?2026h`
const END_FRAME = `${ESC}?2026l`
const CLEAR_BELOW = `${ESC}J`
const CLEAR_LINE = `${ESC}K`

export class Screen {
  readonly #stream: OutputStream
  readonly #unicode: boolean
  #lines: string[] = []
  #columns: number
  #isCursorHidden = false

  constructor(stream: OutputStream, unicode: boolean) {
    this.#stream = stream
    this.#unicode = unicode
    this.#columns = this.columns
  }

  /** A line as wide as the terminal would leave the cursor in a state that differs between terminals. */
  get columns(): number {
    return (this.#stream.columns || 80) - 1
  }

  /** One line is left for the cursor. */
  get rows(): number {
    return Math.max(3, (this.#stream.rows || 24) - 1)
  }

  draw(lines: string[]): void {
    const next = lines.map(line => truncate(this.#unicode ? line : toAscii(line), this.columns))
    const change = this.columns === this.#columns ? this.#change(next) : this.#redraw(next)
    this.#lines = next
    this.#columns = this.columns
    if (change !== '') this.#stream.write(`${BEGIN_FRAME}${change}${END_FRAME}`)
  }

  /** Somebody else wrote a line below: it is ours from now on, and the next frame may take its place. */
  grow(line: string): void {
    if (this.#lines.length > 0) this.#lines.push(line)
  }

  hideCursor(): void {
    this.#stream.write(HIDE_CURSOR)
    this.#isCursorHidden = true
  }

  /** Leaves what was drawn; what is written next stands below it. Idempotent. */
  close(): void {
    if (this.#isCursorHidden) this.#stream.write(SHOW_CURSOR)
    this.#isCursorHidden = false
    this.#lines = []
  }

  /** The cursor rests at the beginning of the line below the last one. */
  #change(next: string[]): string {
    const before = this.#lines
    let at = before.length
    let text = ''
    const goTo = (row: number): void => {
      text += row < at ? `${ESC}${at - row}A` : row > at ? `${ESC}${row - at}B` : ''
      at = row
    }
    for (const [row, line] of next.entries()) {
      if (before[row] === line) continue
      goTo(row)
      text += row < before.length ? `\r${line}${CLEAR_LINE}` : `\r${line}${CLEAR_LINE}\n`
      if (row >= before.length) at = row + 1
    }
    if (next.length < before.length) {
      goTo(next.length)
      text += `\r${CLEAR_BELOW}`
    }
    goTo(next.length)
    return text === '' ? '' : `${text}\r`
  }

  /** After a change of width: a terminal has broken lines that became too long into several rows. */
  #redraw(next: string[]): string {
    const columns = this.columns + 1
    const rowsBefore = this.#lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0)
    const up = rowsBefore > this.rows ? `${ESC}H` : rowsBefore > 0 ? `${ESC}${rowsBefore}A` : ''
    return `${up}\r${CLEAR_BELOW}${next.map(line => `${line}\n`).join('')}`
  }
}
