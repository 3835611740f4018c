/**
 * The one schema of `fettle.yaml`: types, validation, JSON Schema and the reference page all come from here.
 * A key is written in code as it is written in the file (`near-end`, `in-drills`), so that there is one name for it.
 * Messages written here start with a small letter: that is how `issues.ts` tells them from zod's own.
 */
import * as z from 'zod'
import { Expectation } from './expectation.ts'
import {
  bytes,
  commandLine,
  count,
  countFrom,
  durationMs,
  identifier,
  memoryBytes,
  percent,
  systemText,
  timeoutMs,
  variableName,
} from './scalars.ts'

const httpPath = z
  .string()
  .regex(/^\/[!-~]*$/, 'expected a path that starts with / and is written as in a request (no spaces; ä is %C3%A4), such as /health')
  .describe('path on the service, e.g. /health')
/** Requests are led by the path as it is resolved, without a query. */
const pathPrefix = httpPath.regex(
  /^(?!.*(?:[?#]|\/\/|\/\.{1,2}(?:\/|$)))/,
  'expected a path without ?, #, // and . or .. as a part: no request would ever match it',
)

export const ReadyCheck = z
  .strictObject({
    http: httpPath.optional().describe('ready when this path answers with a status below 400'),
    tcp: z.literal(true).optional().describe('ready when the port accepts a connection'),
    command: commandLine.optional().describe('ready when this command, run in the release, exits 0'),
    uptime: durationMs.optional().describe('ready when the process has run this long'),
    within: timeoutMs.prefault('30s').describe('give up after this time'),
  })
  .describe('how a service shows that it can take work; with no check of its own: `tcp` where requests lead to it, else `uptime: 500ms`')

const Environment = z.record(variableName, z.union([systemText, z.number(), z.boolean()]))

export const Service = z
  .strictObject({
    run: commandLine.describe('the command that runs, by `sh -c` in the folder of the release; it gets PORT'),
    instances: countFrom(1)
      .default(1)
      .describe('how many run side by side; `fettle scale` stands over it until a deploy says another number'),
    env: Environment.default({}).describe(
      'environment of the process, as written, all but PORT; may hold references: ${stores.<name>.path}, ${secrets.<NAME>}, ${environment}, ${app}, ${release}; $${ is a plain ${',
    ),
    ready: ReadyCheck.optional(),
    stop: z
      .strictObject({
        signal: z.enum(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']).default('SIGTERM').describe('what asks it to end'),
        drain: durationMs
          .prefault('10s')
          .describe('time to finish: for requests and connections before the signal, and for the process after it, before it is killed'),
      })
      .prefault({})
      .describe('how it is stopped'),
    limits: z
      .strictObject({ memory: memoryBytes.optional().describe('of one instance with all that it starts; at least 6MB') })
      .default({})
      .describe('what it may use'),
    singleton: z.boolean().default(false).describe('never two at once, not even during a deploy'),
    'in-drills': z.boolean().default(true).describe('false: not started in drills and rehearsals'),
  })
  .describe('a long-running part of the app')

/** An absolute path is *external*: data of something else, which fettle backs up and drills but neither creates nor moves. */
export const Store = z
  .union([
    z.strictObject({
      sqlite: z
        .string()
        .regex(
          /^(?!\.{1,2}$)[^/\0]+$|^(?![\s\S]*\/\.{1,2}(\/|$))\/[^\0]*[^/\0]$/,
          'expected a plain file name, or the absolute path of a database that something else runs',
        )
        .describe('file name of the database; an absolute path: a database that something else runs'),
    }),
    z.strictObject({
      files: z
        .string()
        .regex(
          /^(?!([\s\S]*\/)?\.\.(\/|$))[^/\0][^\0]*$|^(?![\s\S]*\/\.{1,2}(\/|$))\/[^\0]*[^/\0]$/,
          'expected a folder inside the store (no ..), or the absolute path of a folder that something else fills',
        )
        .describe('folder inside the store, . for all of it; an absolute path: a folder that something else fills'),
    }),
  ])
  .describe('a part that holds data; lives in the data folder of the environment, never in the source')

export const Route = z
  .strictObject({
    host: z
      .string()
      .regex(
        // Both cases spelled out: a JSON Schema knows no flags.
        /^(\*|(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)$/,
        'expected a host name without scheme, port or path, such as shop.example.com, or *',
      )
      .describe('host name, * for any'),
    path: pathPrefix.default('/').describe('path prefix, on a segment boundary: /api takes /api/x, not /apix'),
    to: identifier.describe('the service that answers'),
  })
  .describe('a public address')

export const SmokeTest = z
  .strictObject({
    http: httpPath.describe('path that is asked for'),
    service: identifier.optional().describe('which service answers; default: the one the first route leads to'),
    method: z.enum(['GET', 'HEAD', 'POST', 'OPTIONS']).default('GET').describe('method of the request'),
    status: z.number().int().min(100).max(599).default(200).describe('status that must come back; redirects are not followed'),
    contains: z.string().min(1).optional().describe('text somewhere in the body'),
    'near-end': z
      .strictObject({
        text: z.string().min(1).describe('the text, such as </html>'),
        within: bytes.prefault('2kB').describe('it lies wholly in so many last bytes'),
      })
      .optional()
      .describe('text near the end of the body: a truncated page fails'),
    within: timeoutMs.prefault('10s').describe('time for the whole answer'),
  })
  .describe('a request and what must come back')

export const Bake = z.strictObject({
  for: durationMs.prefault('1m').describe('how long a release is on trial after the switch; 0s: not at all'),
  errors: percent.prefault('5%').describe('the share of failed answers that ends the trial'),
  latency: z.number().min(1).default(3).describe('p95 of the new release may be this many times that of the old, for ten seconds'),
  'min-requests': count
    .default(50)
    .describe('with fewer requests the trial is inconclusive, unless more failed than `errors` allows of so many'),
})

const RehearsalMode = z.enum(['on', 'newest-proven', 'off'])
const Rehearsal = z.strictObject({
  mode: RehearsalMode.default('on').describe('on: a fresh snapshot; newest-proven: the last one that a drill restored; off'),
  'at-most': timeoutMs
    .prefault('5m')
    .describe(
      'for the copy, the migration and the tests together: a rehearsal that takes longer ends the deploy; where restoring a copy took longer the last time, the plan says that it stays unproven, and asks',
    ),
})

export const Rehearse = z.union([RehearsalMode.transform((mode): z.input<typeof Rehearsal> => ({ mode })).pipe(Rehearsal), Rehearsal])

export const Release = z
  .strictObject({
    migrate: commandLine.optional().describe('brings the data to the form this release needs; must be repeatable'),
    env: Environment.optional().describe(
      'environment of `migrate`; default: that of the service that the first route leads to, else of the first service',
    ),
    test: z.array(SmokeTest).default([]).describe('requests that a new release must answer before and after the switch'),
    keep: count.default(5).describe('releases kept ready to return to'),
    rehearse: Rehearse.prefault({}).describe('migration and start on restored copies of the data, before the deploy'),
    bake: Bake.prefault({}).describe('the trial after the switch'),
    downtime: z
      .enum(['refused', 'allowed'])
      .default('refused')
      .describe('allowed: the old release may be stopped when it fails on the migrated data'),
  })
  .describe('how a new release comes to be')

export const Backups = z
  .strictObject({
    keep: z
      .strictObject({
        last: count.optional().describe('newest snapshots'),
        daily: count.optional().describe('newest of each day'),
        weekly: count.optional().describe('newest of each week'),
        monthly: count.optional().describe('newest of each month'),
      })
      .default({ daily: 7, weekly: 4, monthly: 12 })
      .describe(
        'snapshots kept; {} keeps all. The newest proven one is never removed, one with a label not while `daily` reaches; not zeros alone',
      ),
    repository: z
      .strictObject({ directory: systemText.min(1).describe('folder; relative to the home of fettle') })
      .default({ directory: 'backups' })
      .describe('where snapshots live'),
    drill: z
      .strictObject({ expect: z.array(Expectation).default([]).describe('what must hold in restored data') })
      .prefault({})
      .describe('proof that a snapshot restores'),
  })
  .describe('snapshots of the stores')

export const SecretDeclaration = z
  .strictObject({
    external: z.boolean().default(false).describe('true: belongs to somebody outside; drills get a dummy'),
  })
  .describe('a value that is kept encrypted and set with `fettle secrets set`')

/** A complete app in one environment: the file with that environment's overlay laid over it. */
export const Spec = z.strictObject({
  fettle: z.literal(1).default(1).describe('version of the file format'),
  app: identifier.describe('name of the application'),
  source: z
    .union([
      systemText.min(1).describe('a folder, relative to the file'),
      z.strictObject({
        npm: z
          .string()
          .regex(
            /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*@\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/,
            'expected package and exact version, such as verdaccio@6.1.0: a range or a tag would be another program tomorrow',
          )
          .describe('package and exact version, e.g. verdaccio@6.1.0'),
      }),
    ])
    .default('.')
    .describe(
      'where the program comes from; of a folder all but what `.gitignore` names, or where there is a `.fettleignore`, what that names; `node_modules` only without a `build`',
    ),
  build: z
    .union([commandLine.transform(command => [command]), z.array(commandLine)])
    .default([])
    .describe('commands that turn the source into what runs'),
  'build-within': timeoutMs.prefault('1h').describe('each of them is ended, with all that it started, after this time'),
  services: z.record(identifier, Service).default({}).describe('what runs, by name'),
  stores: z.record(identifier, Store).default({}).describe('what holds data, by name'),
  routes: z.array(Route).default([]).describe('public addresses'),
  secrets: z
    .union([
      z.array(variableName).transform(names => Object.fromEntries(names.map(name => [name, { external: false }]))),
      z.record(
        variableName,
        SecretDeclaration.nullable().transform(value => value ?? { external: false }),
      ),
    ])
    .default({})
    .describe('names of secrets, as a list or with their declarations; never values'),
  release: Release.prefault({}),
  backups: Backups.prefault({}),
  environments: z
    .record(identifier, z.record(z.string(), z.unknown()).nullable())
    .default({})
    .describe('environments and what differs in each: maps merge, lists and values replace, null removes; none: only `production`'),
})

/** Without zod's generated code: it pays only after many parses, and a command line makes one. */
export const parseOnce = (plain: unknown) => Spec.safeParse(plain, { jitless: true })

export type ReadyCheck = z.output<typeof ReadyCheck>
export type Service = z.output<typeof Service>
export type Store = z.output<typeof Store>
export type Route = z.output<typeof Route>
export type SmokeTest = z.output<typeof SmokeTest>
export type Bake = z.output<typeof Bake>
export type Release = z.output<typeof Release>
export type Backups = z.output<typeof Backups>
export type Spec = z.output<typeof Spec>
