/** An upgraded connection (WebSocket and its kind): bytes both ways until either side ends. */
import type { Duplex } from 'node:stream'

/** @returns closes both ends; idempotent */
export function openTunnel(client: Duplex, upstream: Duplex, ended: () => void): () => void {
  const close = () => {
    client.destroy()
    upstream.destroy()
  }
  let open = 2
  const oneClosed = () => {
    open -= 1
    if (open === 0) ended()
  }
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.pipe(to)
    // A reset on one side must reach the other; an orderly end was passed on by the pipe and is let through first.
    from.once('error', close)
    from.once('close', () => {
      if (!to.writableEnded) to.end()
      oneClosed()
    })
  }
  return close
}
