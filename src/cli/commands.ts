/** Every command by name. A command's own module is loaded when it is used, so that each starts fast. */
import { type Commands, OWN_FAILURE } from './command.ts'
import { statusEntry } from './status-entry.ts'

export const commands: Commands = {
  init: {
    group: 'Describe',
    summary: 'look at this folder and write a fettle.yaml for it',
    load: async () => (await import('./commands/init.ts')).init,
  },
  validate: {
    group: 'Describe',
    summary: 'check fettle.yaml: every problem with its place',
    load: async () => (await import('./commands/validate.ts')).validate,
  },
  schema: {
    group: 'Describe',
    summary: 'print the JSON Schema of fettle.yaml, for editors',
    load: async () => (await import('./commands/schema.ts')).schema,
  },
  plan: { group: 'Deploy', summary: 'show what a deploy would change', load: async () => (await import('./commands/plan.ts')).plan },
  up: {
    group: 'Deploy',
    summary: 'deploy here and now, asking only when data is at risk',
    load: async () => (await import('./commands/up.ts')).up,
  },
  deploy: {
    group: 'Deploy',
    summary: 'bring an environment to what the file says',
    load: async () => (await import('./commands/deploy.ts')).deploy,
  },
  test: { group: 'Deploy', summary: 'run the smoke tests on the live route', load: async () => (await import('./commands/test.ts')).test },
  rollback: {
    group: 'Deploy',
    summary: 'return to an earlier release, with its configuration and secrets',
    load: async () => (await import('./commands/rollback.ts')).rollback,
  },
  restart: {
    group: 'Deploy',
    summary: 'start services anew without losing a request',
    load: async () => (await import('./commands/restart.ts')).restart,
  },
  scale: {
    group: 'Deploy',
    summary: 'change how many instances run, over what the file says',
    load: async () => (await import('./commands/scale.ts')).scale,
  },
  stop: {
    group: 'Deploy',
    summary: 'stop the services; data and releases stay',
    load: async () => (await import('./commands/stop.ts')).stop,
  },
  down: { group: 'Deploy', summary: 'take an environment down', load: async () => (await import('./commands/down.ts')).down },
  run: {
    group: 'Deploy',
    summary: 'run a command in the release that serves, and exit as it does',
    ownFailure: OWN_FAILURE,
    load: async () => (await import('./commands/run.ts')).run,
  },
  exec: {
    group: 'Deploy',
    summary: 'the same as run',
    ownFailure: OWN_FAILURE,
    load: async () => (await import('./commands/run.ts')).exec,
  },
  status: statusEntry,
  releases: {
    group: 'Look',
    summary: 'what was deployed, and what is known about going back',
    load: async () => (await import('./commands/releases.ts')).releases,
  },
  logs: {
    group: 'Look',
    summary: 'what services and commands said, also before a deploy or a restart',
    load: async () => (await import('./commands/logs.ts')).logs,
  },
  operations: {
    group: 'Look',
    summary: 'what fettle does and did: list, show, follow, resume, cancel',
    load: async () => (await import('./commands/operations.ts')).operations,
  },
  backup: { group: 'Keep', summary: 'take a snapshot of all stores', load: async () => (await import('./commands/backup.ts')).backup },
  snapshots: {
    group: 'Keep',
    summary: 'every recovery point, and how far it is proven',
    load: async () => (await import('./commands/snapshots.ts')).snapshots,
  },
  restore: { group: 'Keep', summary: 'bring data back from a snapshot', load: async () => (await import('./commands/restore.ts')).restore },
  drill: {
    group: 'Keep',
    summary: 'prove a snapshot: restore it in a sandbox and compare',
    load: async () => (await import('./commands/drill.ts')).drill,
  },
  secrets: { group: 'Set up', summary: 'set, list and remove secrets', load: async () => (await import('./commands/secrets.ts')).secrets },
  doctor: {
    group: 'Set up',
    summary: 'look for what is wrong with this machine',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  agent: {
    group: 'Set up',
    summary: 'the daemon: start, stop, status, upgrade, enable, disable, run',
    load: async () => (await import('./commands/agent.ts')).agent,
  },
  demo: { group: 'Set up', summary: 'see all of it in two minutes', load: async () => (await import('./commands/demo.ts')).demo },
  completion: {
    group: 'Set up',
    summary: 'print the completion for bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
}
