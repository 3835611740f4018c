import type { Sink, Source } from '../../src/ports/store.ts'

/** Where dumps go when no repository is needed. At each piece of one it stands still until the test has done what it wants to. */
export function memoryPlace(atPiece: (bytes: Uint8Array) => void = () => {}): Sink & Source {
  const objects = new Map<string, Buffer>()
  return {
    async write(content, payload) {
      const pieces: Uint8Array[] = []
      for await (const piece of payload) {
        pieces.push(Buffer.from(piece))
        atPiece(piece)
      }
      const name = String(objects.size)
      const bytes = Buffer.concat(pieces)
      objects.set(name, bytes)
      return { name, sha256: '', storedBytes: bytes.length, payloadBytes: bytes.length, content }
    },
    async *read({ name }) {
      yield objects.get(name) ?? Buffer.alloc(0)
    },
  }
}
