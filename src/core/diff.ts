/** What will be different between two releases, from their specs: for the plan that a person reads before it happens. */
import { isDeepStrictEqual } from 'node:util'
import { formatBytes, formatDuration } from './format.ts'
import type { Hide } from './free-text.ts'
import type { PlanLine } from './plan.ts'
import type { Route, Service, Spec, Store } from './spec/schema.ts'

export interface Change {
  /** As in the file: `services.web.instances`; a route by its address: `route shop.example/`. */
  path: string
  kind: 'added' | 'removed' | 'changed'
  /** Whole, as people read it. Variables of an environment have neither: their values may be nobody's business. */
  before?: string
  after?: string
}

type Value = unknown
type Values = Record<string, unknown>

/** @param before undefined: nothing was there */
export function specChanges(before: Spec | undefined, after: Spec): Change[] {
  const old = before ?? {
    ...after,
    services: {},
    stores: {},
    routes: [],
    build: [],
    release: { ...after.release, migrate: undefined, env: undefined, test: [] },
  }
  return [
    ...named('services', old.services, after.services, serviceText),
    ...named('stores', old.stores, after.stores, storeText),
    ...routes(old.routes, after.routes),
    ...value('source', old.source, after.source),
    ...value('build', old.build, after.build),
    ...value('build-within', old['build-within'] ?? after['build-within'], after['build-within']),
    // Names that come or go have a version and are told with it; here only what is declared about them.
    ...[...Object.keys(after.secrets)].flatMap(name =>
      value(`secrets.${name}`, old.secrets[name] ?? after.secrets[name], after.secrets[name]),
    ),
    ...value('release', old.release, after.release),
    ...value('backups', old.backups, after.backups),
  ]
}

const MOST_SHOWN = 60

/** The same as lines of a plan, values shortened. @param hide before that: of a secret that is cut nobody knows the rest */
export function diffSpecs(before: Spec | undefined, after: Spec, hide: Hide = text => text): PlanLine[] {
  const short = (text: string | undefined): string | undefined => {
    const shown = text === undefined ? undefined : hide(text, after.app)
    return shown !== undefined && shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN - 1)}…` : shown
  }
  return specChanges(before, after).map(({ path, kind, ...change }) => {
    const [from, to] = [short(change.before), short(change.after)]
    const values = from !== undefined && to !== undefined ? `${from} → ${to}` : (to ?? (kind === 'removed' ? 'removed' : kind))
    return { text: `${path}: ${values}`, tone: kind === 'added' ? 'add' : kind === 'removed' ? 'remove' : 'change' }
  })
}

/** Maps of things with names: a thing that comes or goes is one change. */
function named<T extends object>(path: string, before: Record<string, T>, after: Record<string, T>, text: (thing: T) => string): Change[] {
  return keysOf(before, after).flatMap((name): Change[] => {
    const [from, to] = [before[name], after[name]]
    const here = `${path}.${name}`
    if (from === undefined) return to === undefined ? [] : [{ path: here, kind: 'added', after: text(to) }]
    if (to === undefined) return [{ path: here, kind: 'removed', before: text(from) }]
    return value(here, from, to)
  })
}

const serviceText = ({ run, instances }: Service): string => `${instances === 1 ? '' : `${instances} × `}${run}`
const storeText = (store: Store): string => ('sqlite' in store ? `sqlite ${store.sqlite}` : `files ${store.files}`)

function routes(before: Route[], after: Route[]): Change[] {
  const byAddress = (list: Route[]): Values => Object.fromEntries(list.map(({ host, path, to }) => [`${host.toLowerCase()}${path}`, to]))
  const [from, to] = [byAddress(before), byAddress(after)]
  return keysOf(from, to).flatMap(address => value(`route ${address}`, from[address], to[address]))
}

function value(path: string, before: Value, after: Value): Change[] {
  if (isDeepStrictEqual(before, after)) return []
  if (path.endsWith('.env')) return variables(path, before, after)
  if (isMap(before) && isMap(after)) return keysOf(before, after).flatMap(key => value(`${path}.${key}`, before[key], after[key]))
  const kind = isNothing(before) ? 'added' : isNothing(after) ? 'removed' : 'changed'
  return [
    {
      path,
      kind,
      ...(kind === 'added' ? {} : { before: shown(path, before) }),
      ...(kind === 'removed' ? {} : { after: shown(path, after) }),
    },
  ]
}

function variables(path: string, before: Value, after: Value): Change[] {
  const [from, to] = [isMap(before) ? before : {}, isMap(after) ? after : {}]
  return keysOf(from, to)
    .filter(name => from[name] !== to[name])
    .map(name => ({ path: `${path}.${name}`, kind: from[name] === undefined ? 'added' : to[name] === undefined ? 'removed' : 'changed' }))
}

const isMap = (thing: Value): thing is Values => typeof thing === 'object' && thing !== null && !Array.isArray(thing)
const isNothing = (thing: Value): boolean => thing === undefined || (Array.isArray(thing) && thing.length === 0)

/** Those of `after` in their order, then those that are gone. */
const keysOf = (before: Values, after: Values): string[] => [...new Set([...Object.keys(after), ...Object.keys(before)])]

const DURATION = /[.-]within$|\.(drain|uptime|for)$|\.rehearse\.at-most$/

/** With its unit again. */
function shown(path: string, thing: Value): string {
  if (typeof thing === 'number' && DURATION.test(path)) return formatDuration(thing)
  if (typeof thing === 'number' && path.endsWith('.memory')) return formatBytes(thing)
  if (typeof thing === 'number' && path.endsWith('.bake.errors')) return `${Number((thing * 100).toFixed(2))}%`
  const isList = Array.isArray(thing) && thing.every(item => typeof item === 'string')
  return typeof thing === 'string' ? thing : isList ? thing.join(' && ') : JSON.stringify(thing)
}
