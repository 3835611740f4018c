/** Where everything lives below the home of fettle. Pure: names folders, makes none. */
import { join } from 'node:path'

export const layout = (home: string) => ({
  home,
  /** The agent's own: socket, journal, settings, log. */
  agent: join(home, 'agent'),
  socket: join(home, 'agent', 'api.sock'),
  journal: join(home, 'agent', 'journal.db'),
  settings: join(home, 'agent', 'settings.json'),
  agentLog: join(home, 'agent', 'agent.log'),
  /** Why the last agent that was to start did not, as an error in JSON; for whoever started it. */
  agentFailure: join(home, 'agent', 'failed.json'),
  /** There from when somebody ended the agent until it is started again. */
  agentStopped: join(home, 'agent', 'stopped'),
  versions: join(home, 'versions'),
  keys: join(home, 'keys'),
  key: (app: string) => join(home, 'keys', `${app}.key`),
  /** Its public part, apart from it: who loses the key must not get a new one without a word. */
  knownKeys: join(home, 'agent', 'known-keys'),
  knownKey: (app: string) => join(home, 'agent', 'known-keys', `${app}.txt`),
  /** Values to hide in logs, sealed, and the key to it. No app can be called so. */
  seenSecrets: join(home, 'agent', 'seen-secrets'),
  seenSecretsKey: join(home, 'keys', 'seen-secrets'),
  front: join(home, 'front'),
  units: join(home, 'units'),
  /** As long as a path of a unix socket gets: of a sandbox, named by a hash, and a port. */
  longestSocket: join(home, 'units', 's', '01234567', '65535'),
  /** Task and result files of data workers, by operation. */
  tasks: join(home, 'tasks'),
  task: (operation: string) => join(home, 'tasks', operation),
  apps: join(home, 'apps'),
  /** Built sources, per environment: collecting staging's can not take what production returns to. */
  artifacts: (app: string, environment: string) => join(home, 'apps', app, environment, 'artifacts'),
  artifact: (app: string, environment: string, key: string) => join(home, 'apps', app, environment, 'artifacts', key),
  environment: (app: string, environment: string) => join(home, 'apps', app, environment),
  releases: (app: string, environment: string) => join(home, 'apps', app, environment, 'releases'),
  release: (app: string, environment: string, release: string) => join(home, 'apps', app, environment, 'releases', release),
  /** The newest encrypted secrets that a deploy brought. */
  secrets: (app: string, environment: string) => join(home, 'apps', app, environment, 'secrets.age'),
  /** Live data: one folder a store, in it one folder a generation. */
  live: join(home, 'live'),
  liveStore: (app: string, environment: string, store: string) => join(home, 'live', app, environment, store),
  /** Restored copies for drills and rehearsals, by operation. */
  scratch: (operation: string) => join(home, 'scratch', operation),
  scratches: join(home, 'scratch'),
})

export type Layout = ReturnType<typeof layout>
