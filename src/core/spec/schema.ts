/**
 * The one schema of `fettle.yaml`: types, validation, JSON Schema and the reference page all come from here.
 * A key is written in code as it is written in the file (`near-end`, `in-drills`), so that there is one name for it.
 */
import { z } from 'zod'
import { bytes, count, durationMs, identifier, percent } from './scalars.ts'

const httpPath = z.string().regex(/^\//, 'a path starts with /').describe('path on the service, e.g. /health')

export const ReadyCheck = z
  .strictObject({
    http: httpPath.optional().describe('ready when this path answers with a status below 400'),
    tcp: z.literal(true).optional().describe('ready when the port accepts a connection'),
    command: z.string().min(1).optional().describe('ready when this command, run in the release, exits 0'),
    uptime: durationMs.optional().describe('ready when the process has run this long'),
    within: durationMs.default(30_000).describe('give up after this time'),
  })
  .describe('how a service shows that it can take work')

export const Service = z
  .strictObject({
    run: z.string().min(1).describe('the command that runs; it gets PORT'),
    instances: count.default(1).describe('how many run side by side'),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'letters, digits and _'), z.union([z.string(), z.number(), z.boolean()]))
      .default({})
      .describe('environment of the process; may hold references such as ${stores.data.path}'),
    ready: ReadyCheck.optional(),
    stop: z
      .strictObject({
        signal: z.enum(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']).default('SIGTERM'),
        drain: durationMs.default(10_000).describe('time to finish before it is killed'),
      })
      .prefault({}),
    limits: z.strictObject({ memory: bytes.optional() }).default({}),
    singleton: z.boolean().default(false).describe('never two at once, not even during a deploy'),
    'in-drills': z.boolean().default(true).describe('false: not started in drills and rehearsals'),
  })
  .describe('a long-running part of the app')

export const Store = z
  .union([
    z.strictObject({ sqlite: z.string().min(1).describe('file name of the database') }),
    z.strictObject({ files: z.string().min(1).describe('folder inside the store, . for all of it') }),
  ])
  .describe('a part that holds data')

export const Route = z.strictObject({
  host: z
    .string()
    .regex(/^(\*|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/i, 'a host name')
    .describe('host name, * for any'),
  path: httpPath.default('/').describe('path prefix'),
  to: identifier.describe('the service that answers'),
})

export const SmokeTest = z
  .strictObject({
    http: httpPath,
    service: identifier.optional().describe('which service answers; default: the one the first route leads to'),
    method: z.enum(['GET', 'HEAD', 'POST', 'OPTIONS']).default('GET'),
    status: z.number().int().min(100).max(599).default(200),
    contains: z.string().min(1).optional().describe('text somewhere in the body'),
    'near-end': z
      .strictObject({ text: z.string().min(1), within: bytes.default(2000) })
      .optional()
      .describe('text near the end of the body: a truncated page fails'),
    within: durationMs.default(10_000),
  })
  .describe('a request and what must come back')

export const Bake = z.strictObject({
  for: durationMs.default(60_000).describe('how long a release is on trial after the switch'),
  errors: percent.default(0.05).describe('the share of failed answers that ends the trial'),
  latency: z.number().min(1).default(3).describe('p95 of the new release may be this many times that of the old'),
  'min-requests': count.default(50).describe('with fewer requests the trial is inconclusive'),
})

export const Rehearse = z.preprocess(
  value => (typeof value === 'string' ? { mode: value } : value),
  z.strictObject({ mode: z.enum(['on', 'newest-proven', 'off']).default('on'), 'at-most': durationMs.default(300_000) }),
)

export const Release = z.strictObject({
  migrate: z.string().min(1).optional().describe('brings the data to the form this release needs; must be repeatable'),
  test: z.array(SmokeTest).default([]),
  keep: count.default(5).describe('releases kept ready to return to'),
  rehearse: Rehearse.prefault({}),
  bake: Bake.prefault({}),
  downtime: z
    .enum(['refused', 'allowed'])
    .default('refused')
    .describe('allowed: the old release may be stopped when it fails on the migrated data'),
})

export const Expectation = z
  .strictObject({
    store: identifier.optional(),
    sql: z.string().min(1).optional().describe('a query whose first value is compared'),
    files: z.string().min(1).optional().describe('a glob whose number of matches is compared'),
    'at-least': z.number().optional(),
    'at-most': z.number().optional(),
    equals: z.union([z.string(), z.number()]).optional(),
  })
  .describe('what must hold in restored data')

export const Backups = z.strictObject({
  keep: z
    .strictObject({ last: count.optional(), daily: count.optional(), weekly: count.optional(), monthly: count.optional() })
    .default({ daily: 7, weekly: 4, monthly: 12 }),
  repository: z
    .strictObject({ directory: z.string().min(1).describe('folder; relative to the home of fettle') })
    .default({ directory: 'backups' }),
  drill: z.strictObject({ expect: z.array(Expectation).default([]) }).prefault({}),
})

export const SecretDeclaration = z.strictObject({
  external: z.boolean().default(false).describe('true: belongs to somebody outside; drills get a dummy'),
})

const serviceMap = z.record(identifier, Service)
const storeMap = z.record(identifier, Store)

/** A complete app in one environment: the file with that environment's overlay laid over it. */
export const Spec = z.strictObject({
  fettle: z.literal(1).default(1).describe('version of the file format'),
  app: identifier,
  source: z
    .union([
      z.string().min(1).describe('a folder, relative to the file'),
      z.strictObject({ npm: z.string().min(1).describe('package and version, e.g. verdaccio@6.1.0') }),
    ])
    .optional(),
  build: z
    .union([
      z
        .string()
        .min(1)
        .transform(command => [command]),
      z.array(z.string().min(1)),
    ])
    .default([])
    .describe('commands that turn the source into what runs'),
  services: serviceMap.default({}),
  stores: storeMap.default({}),
  routes: z.array(Route).default([]),
  secrets: z
    .preprocess(
      value => (Array.isArray(value) ? Object.fromEntries(value.map(name => [name, {}])) : value),
      z.record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
        SecretDeclaration.nullable().transform(value => value ?? { external: false }),
      ),
    )
    .default({}),
  release: Release.prefault({}),
  backups: Backups.prefault({}),
  environments: z.record(identifier, z.record(z.string(), z.unknown()).nullable()).default({ production: {} }),
})

export type ReadyCheck = z.output<typeof ReadyCheck>
export type Service = z.output<typeof Service>
export type Store = z.output<typeof Store>
export type Route = z.output<typeof Route>
export type SmokeTest = z.output<typeof SmokeTest>
export type Bake = z.output<typeof Bake>
export type Release = z.output<typeof Release>
export type Expectation = z.output<typeof Expectation>
export type Backups = z.output<typeof Backups>
export type Spec = z.output<typeof Spec>
