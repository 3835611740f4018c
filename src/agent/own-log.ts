/** The agent's log is what it prints; whoever started it chose where that goes. When it is the file of its home, that stays small. */
import { copyFile, stat, truncate } from 'node:fs/promises'

/** Together with the part before it, as much again. */
const MOST_BYTES = 4 * 1024 * 1024
const LOOKED_AT_EVERY_MS = 3_600_000

/** Copied and cut, not renamed: it is open for appending, here and perhaps in another agent that is just refused. */
export async function capLog(path: string, mostBytes = MOST_BYTES): Promise<void> {
  const size = await stat(path).then(
    found => found.size,
    () => 0, // under systemd there is none
  )
  if (size <= mostBytes) return
  await copyFile(path, `${path}.1`)
  await truncate(path, 0)
}

/** Now and every hour. @returns what ends it */
export function keepLogSmall(path: string, onError: (error: unknown) => void): () => void {
  const look = () => void capLog(path).catch(onError)
  look()
  const timer = setInterval(look, LOOKED_AT_EVERY_MS).unref()
  return () => clearInterval(timer)
}
