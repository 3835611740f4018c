/** A server of the kind that runs behind a proxy, within the test. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Backend } from '../../src/ports/runtime.ts'

export interface Instance {
  backend: Backend
  server: Server
  /** Closes it and every connection. */
  stop(): Promise<void>
}

/** @param at a port, a socket path, or 0 for any port */
export async function startInstance(listener: RequestListener, at: number | string = 0): Promise<Instance> {
  const server = createServer(listener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    if (typeof at === 'string') server.listen(at, resolve)
    else server.listen(at, '127.0.0.1', resolve)
  })
  const backend: Backend =
    typeof at === 'string' ? { kind: 'unix', path: at } : { kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  return {
    backend,
    server,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Answers its name, and what it was asked. */
export function named(name: string): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      response.setHeader('x-instance', name)
      response.end(
        JSON.stringify({
          name,
          method: request.method,
          url: request.url,
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
  }
}
