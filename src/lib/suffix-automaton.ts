export interface Piece {
  /** 0: the empty one. */
  state: number
  length: number
}

/**
 * Knows every piece of some texts: fed with one character after the other, it tells the longest piece that ends there. In memory linear
 * in the texts, where a pattern for each piece would be quadratic.
 */
export class SuffixAutomaton {
  /** Of each state (0: the empty piece): its longest piece, the state of the longest suffix that is another's, the first edge. */
  readonly #length: Int32Array
  readonly #link: Int32Array
  readonly #edge: Int32Array
  /** Of each edge: its character, where it leads, the next one of the same state. Edge 0 is none. */
  readonly #char: Uint8Array
  readonly #target: Int32Array
  readonly #next: Int32Array
  /** Length of a whole text that ends at the state. */
  readonly #whole = new Map<number, number>()
  #states = 1
  #edges = 1

  /** @param texts of one byte a character */
  constructor(texts: readonly string[]) {
    const size = texts.reduce((sum, text) => sum + text.length, 0)
    // No automaton has more: 2n states, 3n edges.
    this.#length = new Int32Array(2 * size + 1)
    this.#link = new Int32Array(2 * size + 1)
    this.#edge = new Int32Array(2 * size + 1)
    this.#char = new Uint8Array(3 * size + 1)
    this.#target = new Int32Array(3 * size + 1)
    this.#next = new Int32Array(3 * size + 1)
    for (const text of texts) this.#add(text)
  }

  /** Goes on from the longest piece that ends before the character to the one that ends with it. */
  step(piece: Piece, char: number): void {
    while (true) {
      const edge = this.#edgeOf(piece.state, char)
      if (edge !== 0) {
        piece.state = this.#target[edge] as number
        piece.length++
        return
      }
      if (piece.state === 0) return
      piece.state = this.#link[piece.state] as number
      piece.length = this.#length[piece.state] as number
    }
  }

  /** The length of the longest whole text that the piece ends with, 0 without any. */
  wholeAt({ state, length }: Piece): number {
    for (let at = state; at !== 0; at = this.#link[at] as number) {
      const whole = this.#whole.get(at)
      if (whole !== undefined && whole <= length) return whole
    }
    return 0
  }

  #add(text: string): void {
    let last = 0
    for (let index = 0; index < text.length; index++) last = this.#extend(last, text.charCodeAt(index))
    this.#whole.set(last, text.length)
  }

  #extend(last: number, char: number): number {
    const known = this.#edgeOf(last, char)
    if (known !== 0) return this.#exactly(last, known)
    const state = this.#states++
    this.#length[state] = (this.#length[last] as number) + 1
    for (let at = last; ; at = this.#link[at] as number) {
      const edge = this.#edgeOf(at, char)
      if (edge !== 0) {
        this.#link[state] = this.#exactly(at, edge)
        return state
      }
      this.#lead(at, char, state)
      if (at === 0) return state
    }
  }

  /** The state behind the edge, of the pieces that are one longer than those of `from` and no longer: a new one where it has longer ones. */
  #exactly(from: number, edge: number): number {
    const [target, length, char] = [this.#target[edge] as number, (this.#length[from] as number) + 1, this.#char[edge] as number]
    if (this.#length[target] === length) return target
    const state = this.#states++
    this.#length[state] = length
    this.#link[state] = this.#link[target] as number
    this.#link[target] = state
    for (let other = this.#edge[target] as number; other !== 0; other = this.#next[other] as number)
      this.#lead(state, this.#char[other] as number, this.#target[other] as number)
    for (let at = from; ; at = this.#link[at] as number) {
      const shorter = this.#edgeOf(at, char)
      if (this.#target[shorter] !== target) break
      this.#target[shorter] = state
      if (at === 0) break
    }
    return state
  }

  #lead(from: number, char: number, to: number): void {
    const edge = this.#edges++
    this.#char[edge] = char
    this.#target[edge] = to
    this.#next[edge] = this.#edge[from] as number
    this.#edge[from] = edge
  }

  #edgeOf(state: number, char: number): number {
    let edge = this.#edge[state] as number
    while (edge !== 0 && this.#char[edge] !== char) edge = this.#next[edge] as number
    return edge
  }
}
