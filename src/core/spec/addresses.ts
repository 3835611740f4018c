/** Public addresses: when two are the same, and how an environment gets its own. */
import type { Finding } from './problem.ts'
import type { Route, Spec } from './schema.ts'
import { type Branch, childOf } from './tree.ts'

/** A routed address as it is compared and told: `shop.example.com/api/`. */
export const addressOf = ({ host, path }: Pick<Route, 'host' | 'path'>): string => `${host.toLowerCase()}${path.replace(/\/+$/, '')}/`

/** What to write into the file, so that the environment answers on hosts of its own. */
export function ownRoutes(environment: string, { app, routes }: Pick<Spec, 'app' | 'routes'>): string {
  const own = routes.map(({ host, path, to }) => {
    const below = host === '*' ? `${app}.localhost` : host
    return `{ host: ${environment}.${below}, ${path === '/' ? '' : `path: ${path}, `}to: ${to} }`
  })
  return `\`environments: { ${environment}: { routes: [${own.join(', ')}] } }\``
}

/** Each environment with an address that another has too. No mistake: each may be deployed on a machine of its own, or only one of them. */
export function sharedAddresses(specs: ReadonlyMap<string, Spec>, tree: Branch): Finding[] {
  const owners = new Map<string, string>()
  // Others give way to production, wherever it stands in the file.
  const byRank = [...specs].toSorted(([a], [b]) => Number(b === 'production') - Number(a === 'production'))
  return byRank.flatMap(([name, spec]) => {
    const addresses = spec.routes.map(addressOf)
    const shared = addresses.find(address => owners.has(address))
    for (const address of addresses) if (!owners.has(address)) owners.set(address, name)
    if (shared === undefined) return []
    const place = childOf(tree.entries.get('environments'), name)
    const message = `${name} has the address ${shared} of ${owners.get(shared)}: on one machine only one of them can be deployed; a host of its own: ${ownRoutes(name, spec)}`
    return [{ at: place?.key ?? tree.at, message }]
  })
}
