/**
 * An order-independent hash of many records: the sum, modulo 2^128, of the first half of each record's SHA-256. A sum, because
 * XOR would let two equal records cancel each other out.
 */
import { hash } from 'node:crypto'

const WORDS = 4
/** A word's sum stays exact in a double for 2^21 records; carry earlier. */
const CARRY_EVERY = 1 << 20

export class ContentSum {
  rows = 0
  readonly #words = new Float64Array(WORDS)

  /** Adds one record, by its bytes. */
  add(record: Uint8Array): void {
    this.addDigest(digestOf(record))
  }

  addDigest(digest: string): void {
    const words = this.#words
    for (let word = 0; word < WORDS; word++) {
      const at = word * 4
      words[word] =
        (words[word] as number) +
        digest.charCodeAt(at) * 0x1000000 +
        ((digest.charCodeAt(at + 1) << 16) | (digest.charCodeAt(at + 2) << 8) | digest.charCodeAt(at + 3))
    }
    if (++this.rows % CARRY_EVERY === 0) this.#carry()
  }

  /** 32 hex digits. */
  hex(): string {
    this.#carry()
    return [...this.#words].map(word => word.toString(16).padStart(8, '0')).join('')
  }

  #carry(): void {
    let carried = 0
    for (let word = WORDS - 1; word >= 0; word--) {
      const sum = (this.#words[word] as number) + carried
      carried = Math.floor(sum / 2 ** 32)
      this.#words[word] = sum % 2 ** 32
    }
  }
}

/** SHA-256 as a string of 32 bytes: three times as fast as a Buffer for small records (measured, Node 24). */
export const digestOf = (record: Uint8Array): string => hash('sha256', record, 'binary')
