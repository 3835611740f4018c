/** Keys as they are pressed: the terminal in raw mode, so that nothing typed is echoed into what we draw. */
import type { InputStream } from './io.ts'

export const KEY = {
  ctrlC: '\u0003',
  ctrlD: '\u0004',
  ctrlU: '\u0015',
  enter: '\r',
  newline: '\n',
  escape: '\u001b',
  backspace: '\u007f',
} as const

/** An arrow or function key comes as one sequence, pasted text as many keys. */
const KEYS = new RegExp(`${KEY.escape}(?:\\[[0-9;?]*[A-Za-z~]|O.)?|[\\s\\S]`, 'gu')

/** @returns an idempotent stop, which gives the terminal back */
export function listenKeys(stdin: InputStream, onKey: (key: string) => void, onEnd: () => void = () => {}): () => void {
  const onData = (chunk: Buffer | string): void => {
    for (const key of String(chunk).match(KEYS) ?? []) onKey(key)
  }
  stdin.setRawMode?.(true)
  stdin.on('data', onData)
  stdin.once('end', onEnd)
  stdin.resume()
  return () => {
    stdin.off('data', onData)
    stdin.off('end', onEnd)
    stdin.setRawMode?.(false)
    stdin.pause()
  }
}
