/**
 * Which route takes a request: the host first, then the longest path prefix that ends on a segment boundary. A host's own
 * routes go before those of `*`; a host that has no route for the path falls back to `*`.
 */

import { canonicalJson, type Json } from './json.ts'

export interface RouteEntry<T> {
  /** Lower case; `*` for any. */
  host: string
  /** /api takes /api, /api/x and /api?x, not /apix; / takes all. */
  path: string
  value: T
}

/** By host, longest prefix first; a prefix carries no slash at its end. */
export type Routing<T> = ReadonlyMap<string, readonly { prefix: string; value: T }[]>

export function buildRouting<T>(entries: Iterable<RouteEntry<T>>): Routing<T> {
  const routing = new Map<string, { prefix: string; value: T }[]>()
  for (const { host, path, value } of entries) {
    const routes = routing.get(host) ?? []
    routes.push({ prefix: path.replace(/\/+$/, ''), value })
    routing.set(host, routes)
  }
  for (const routes of routing.values()) routes.sort((a, b) => b.prefix.length - a.prefix.length)
  return routing
}

/** @param host the Host header as it came  @param target path and query of the request */
export function findRoute<T>(routing: Routing<T>, host: string, target: string): T | undefined {
  return findUnder(routing.get(hostName(host)), target) ?? findUnder(routing.get('*'), target)
}

function findUnder<T>(routes: readonly { prefix: string; value: T }[] | undefined, target: string): T | undefined {
  if (routes === undefined) return undefined
  for (const { prefix, value } of routes) {
    if (!target.startsWith(prefix)) continue
    const next = target[prefix.length]
    if (next === undefined || next === '/' || next === '?') return value
  }
  return undefined
}

/** `Example.ORG.:8080` → `example.org`; `[::1]:80` → `[::1]`. */
export function hostName(host: string): string {
  const colon = host.lastIndexOf(':')
  const name = colon > host.lastIndexOf(']') ? host.slice(0, colon) : host
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
}

/** The same decision, of the same generation, at other addresses: instances moved, and nothing else. */
export function isMoved<Table extends { routes: { backends: unknown }[] }>(present: Table | undefined, next: Table): boolean {
  return present !== undefined && canonicalJson(withoutAddresses(present)) === canonicalJson(withoutAddresses(next))
}

const withoutAddresses = (table: { routes: { backends: unknown }[] }): Json =>
  ({ ...table, routes: table.routes.map(route => ({ ...route, backends: null })) }) as unknown as Json
