/**
 * An instance moves to another port when a stranger took its own while it restarted. The routes must follow: until they do, requests
 * go to the stranger. It is no new decision, so generation and activation stay, and an operation under way is not disturbed.
 */
import { FettleError } from '../core/errors.ts'
import type { World } from '../operations/world.ts'
import type { RouteTable } from '../ports/proxy.ts'
import type { Backend, GroupState } from '../ports/runtime.ts'

export interface Moves {
  /** Looks at everything that runs: for what moved while nobody listened, or just before a switch was committed. */
  catchUp(): Promise<void>
  stop(): void
}

export function followMoves({ runtime, proxy }: Pick<World, 'runtime' | 'proxy'>, onError: (error: unknown) => void): Moves {
  let last = Promise.resolve()
  const known = new Map<string, string>()
  const follow = (group: GroupState): Promise<void> => {
    known.set(group.name, addressesOf(group))
    last = last.then(() => readdress(proxy, group)).catch(onError)
    return last
  }
  return {
    async catchUp() {
      for (const group of await runtime.groups({})) await follow(group)
    },
    stop: runtime.onChange(group => {
      // Most that is told of a group leaves it where it is, such as each of the steps of a restart.
      if (group.wanted === 0) known.delete(group.name)
      else if (known.get(group.name) !== addressesOf(group)) void follow(group)
    }),
  }
}

const addressesOf = ({ instances }: GroupState): string =>
  instances.map(({ backend }) => (backend === undefined ? '' : addressOf(backend))).join(' ')

async function readdress(proxy: World['proxy'], group: GroupState): Promise<void> {
  const { app, environment } = group.labels
  if (!group.instances.some(({ backend }) => backend !== undefined)) return
  const table = await proxy.current(app, environment)
  if (table === undefined) return
  const moved = tableFor(table, group)
  if (moved === undefined) return
  await proxy.commit(moved, table.generation).catch(error => {
    // Something else was switched to meanwhile: that table was made from where its own instances are.
    if (!(error instanceof FettleError) || error.code !== 'CONFLICT') throw error
  })
}

/** Undefined when nothing of the group is elsewhere. An instance that is not ready keeps its place: it is waited for there. */
function tableFor(table: RouteTable, { name, instances }: GroupState): RouteTable | undefined {
  let isMoved = false
  const routes = table.routes.map(route => {
    if (table.groups[route.service] !== name) return route
    const backends = instances.map(({ backend }, place) => backend ?? route.backends[place]).filter(backend => backend !== undefined)
    if (backends.every((backend, place) => isSame(backend, route.backends[place]))) return route
    isMoved = true
    return { ...route, backends }
  })
  return isMoved ? { ...table, routes } : undefined
}

const addressOf = (backend: Backend): string => (backend.kind === 'unix' ? backend.path : `${backend.host}:${backend.port}`)
const isSame = (a: Backend, b: Backend | undefined): boolean => b !== undefined && addressOf(a) === addressOf(b)
