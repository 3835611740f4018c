/** A client that never retries. */
import { type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

export interface Asked {
  /** Host header. */
  host?: string
  method?: string
  path?: string
  headers?: OutgoingHttpHeaders
  body?: string
  /** Keeps connections; without one, each request has its own. */
  agent?: Agent
}

export function ask(
  address: string,
  { host = 'app.example', method = 'GET', path = '/', headers, body, agent }: Asked = {},
): Promise<Reply> {
  const { hostname, port } = new URL(address)
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, headers: { host, ...headers }, agent: agent ?? false }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
