/** The public side: Node's HTTP server with a proxy's limits; every request and upgrade becomes an exchange. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Exchange, type ExchangeContext } from './exchange.ts'

export interface PublicServer {
  /** On an inherited descriptor, or for tests on a port. */
  listen(where: { fd: number } | { port: number; host: string }): Promise<void>
  address(): { host: string; port: number }
  /**
   * Accepts no more. What is in flight is finished; a client that kept its connection may send one more request for
   * `lingerMs`, for one that sends as its connection is closed would lose it. After `drainMs` everything is cut.
   */
  drain(options: { lingerMs: number; drainMs: number }): Promise<void>
}

export function createPublicServer(context: ExchangeContext, closeTunnels: () => void): PublicServer {
  let isDraining = false
  const serve = (request: IncomingMessage, response: ServerResponse, expectsContinue?: boolean): void => {
    if (isDraining) response.shouldKeepAlive = false
    new Exchange(context, { request, response, ...(expectsContinue === undefined ? {} : { expectsContinue }) }).start()
  }
  const server = createServer({
    maxHeaderSize: 32 * 1024,
    headersTimeout: 15_000,
    connectionsCheckingInterval: 5_000,
    // Bodies may take as long and be as large as the application lets them.
    requestTimeout: 0,
    keepAliveTimeout: 65_000,
    noDelay: true,
    shouldUpgradeCallback: isTunnelWanted,
  })
  server.on('request', (request, response) => serve(request, response))
  server.on('checkContinue', (request, response) => serve(request, response, true))
  server.on('upgrade', (request, socket, head) => upgrade(context, request, socket, head))
  return {
    listen: where => new Promise(resolve => server.listen(where, resolve)),
    address: () => {
      const { address: host, port } = server.address() as AddressInfo
      return { host, port }
    },
    drain: options => {
      isDraining = true
      return drain(server, options, closeTunnels)
    },
  }
}

/** An upgrade to HTTP/2 is an offer that may be passed over (RFC 9110 §7.8); one with a body has two readings. */
function isTunnelWanted({ headers }: IncomingMessage): boolean {
  const { upgrade, 'content-length': length = '0', 'transfer-encoding': coding } = headers
  return upgrade !== undefined && !/^h2c?\b/i.test(upgrade) && length === '0' && coding === undefined
}

function upgrade(context: ExchangeContext, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket as Socket)
  response.once('finish', () => {
    response.detachSocket(socket as Socket)
    ;(socket as Socket).destroySoon()
  })
  socket.on('error', () => socket.destroy())
  new Exchange(context, { request, response, upgrade: { protocol: request.headers.upgrade ?? '', socket, head } }).start()
}

async function drain(
  server: Server,
  { lingerMs, drainMs }: { lingerMs: number; drainMs: number },
  closeTunnels: () => void,
): Promise<void> {
  const linger = setTimeout(() => server.closeIdleConnections(), lingerMs)
  const cut = setTimeout(() => {
    closeTunnels()
    server.closeAllConnections()
  }, drainMs)
  // Not http's own close(), which closes idle connections at once.
  await new Promise<void>(resolve => NetServer.prototype.close.call(server, () => resolve()))
  clearTimeout(linger)
  clearTimeout(cut)
}
