/** Lines out of a stream of bytes of unknown kind: whatever comes, no more than one longest line is held. */
export interface RawLine {
  text: string
  /** Of its first byte. */
  offset: number
  /** Behind its newline. */
  end: number
}

/** A longer line comes in pieces. */
const LONGEST_BYTES = 64 * 1024
const NEWLINE = 10

/** `partial`: what has no newline yet counts as a line too. */
export async function* splitLines(
  chunks: AsyncIterable<{ offset: number; bytes: Buffer }>,
  options: { partial: boolean },
): AsyncGenerator<RawLine> {
  let rest: Buffer = Buffer.alloc(0)
  let offset = 0
  for await (const chunk of chunks) {
    if (rest.length === 0 || chunk.offset !== offset + rest.length) {
      rest = chunk.bytes
      offset = chunk.offset
    } else {
      rest = Buffer.concat([rest, chunk.bytes])
    }
    for (let length = lineLength(rest); length > 0; length = lineLength(rest)) {
      yield line(rest.subarray(0, length), offset)
      rest = rest.subarray(length)
      offset += length
    }
  }
  if (options.partial && rest.length > 0) yield line(rest, offset)
}

/** 0: not yet a whole one. */
function lineLength(bytes: Buffer): number {
  const newline = bytes.indexOf(NEWLINE)
  if (newline >= 0 && newline < LONGEST_BYTES) return newline + 1
  return bytes.length >= LONGEST_BYTES ? LONGEST_BYTES : 0
}

function line(bytes: Buffer, offset: number): RawLine {
  return { text: bytes.toString('utf8').replace(/\r?\n$/, ''), offset, end: offset + bytes.length }
}
