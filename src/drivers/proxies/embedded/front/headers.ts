/** What a proxy must take out of a message and what it adds: RFC 9110 §7.6.1 (hop by hop), X-Forwarded-*. Pure. */
import type { IncomingHttpHeaders } from 'node:http'

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/**
 * Never passed on from a client: what only a trusted proxy may say about the client, `Expect` (the front answers it), `Proxy`
 * (CGI programs take it for an environment variable, CVE-2016-5385), `Proxy-Authorization` (meant for us).
 */
const NOT_FROM_CLIENTS = new Set([
  ...HOP_BY_HOP,
  'expect',
  'forwarded',
  'proxy',
  'proxy-authorization',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
])

export interface Client {
  /** Address of the peer. */
  address: string
  /** Its X-Forwarded-For and -Proto are believed: the address is appended, the scheme kept. */
  trusted: boolean
}

/**
 * Headers for the instance, as a flat list of names and values, in the order they came.
 * @param raw flat list as Node reads it
 * @returns undefined when two programs might read the request differently: it names two hosts (RFC 9112 §3.2), or what says
 * how long its body is ends at this hop
 */
export function requestHeaders(raw: readonly string[], headers: IncomingHttpHeaders, client: Client): string[] | undefined {
  const named = connectionNames(headers.connection)
  if (named?.has('content-length')) return undefined
  const out: string[] = []
  let hosts = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const lower = name.toLowerCase()
    if (lower === 'host') hosts += 1
    else if (NOT_FROM_CLIENTS.has(lower) || named?.has(lower)) continue
    out.push(name, raw[i + 1] as string)
  }
  if (hosts > 1) return undefined
  const told = client.trusted ? headers : {}
  const before = told['x-forwarded-for']
  out.push('x-forwarded-for', before === undefined ? client.address : `${String(before)}, ${client.address}`)
  out.push('x-forwarded-proto', String(told['x-forwarded-proto'] ?? 'http'))
  // Never as told: requests are led by Host, so a proxy in front passes that on as it came, and few of them overwrite this one.
  if (headers.host !== undefined) out.push('x-forwarded-host', headers.host)
  return out
}

/** For people alone, so one with letters that Node would not send is left out: it may be in any encoding. */
export const reasonPhrase = (phrase: string | undefined): string | undefined =>
  phrase === undefined || /^[\t\x20-\x7e]*$/.test(phrase) ? phrase : undefined

/** Headers for the client, as a flat list. */
export function responseHeaders(headers: IncomingHttpHeaders): string[] {
  const named = connectionNames(headers.connection)
  const out: string[] = []
  for (const name in headers) {
    if (HOP_BY_HOP.has(name) || named?.has(name)) continue
    const value = headers[name]
    if (typeof value === 'string') out.push(name, value)
    else if (value !== undefined) for (const each of value) out.push(name, each)
  }
  return out
}

/** Names that `Connection` lists: they end at this hop. `keep-alive` and `close` alone, the usual case, cost nothing. */
function connectionNames(value: string | string[] | undefined): Set<string> | undefined {
  if (value === undefined || value === 'keep-alive' || value === 'close') return undefined
  return new Set(
    String(value)
      .toLowerCase()
      .split(',')
      .map(name => name.trim()),
  )
}

/** Milliseconds of `Keep-Alive: timeout=5`, undefined when it does not say. */
export function announcedIdleMs(value: string | string[] | undefined): number | undefined {
  if (value === undefined) return undefined
  const seconds = /(?:^|[,;\s])timeout=(\d+)/i.exec(String(value))?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

/** Path and query. A request line may carry a whole address (RFC 9112 §3.2.2); undefined when Host says another one. */
export function originForm(url: string, host: string | undefined): string | undefined {
  if (url.startsWith('/')) return url
  const [start, named] = /^http:\/\/([^/?#]*)/i.exec(url) ?? []
  if (start === undefined || named?.toLowerCase() !== host?.toLowerCase()) return undefined
  const target = url.slice(start.length)
  return target.startsWith('/') ? target : `/${target}`
}

/** The head of an answer that agrees to an upgrade, as it stands in the message. */
export function switchingHead(status: number, headers: IncomingHttpHeaders, protocol: string): string {
  const flat = [...responseHeaders(headers), 'connection', 'upgrade', 'upgrade', String(headers.upgrade ?? protocol)]
  let lines = `HTTP/1.1 ${status} Switching Protocols\r\n`
  for (let i = 0; i < flat.length; i += 2) lines += `${flat[i]}: ${flat[i + 1]}\r\n`
  return `${lines}\r\n`
}
