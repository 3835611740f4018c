/** The agent's entry: `node agent.js --home FOLDER`. Composes drivers into a world and starts the daemon on it. */
import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { inspect, parseArgs } from 'node:util'
import { startAgent } from './agent/agent.ts'
import { faultsFrom } from './agent/faults.ts'
import { keepLogSmall } from './agent/own-log.ts'
import { Redaction } from './agent/redaction.ts'
import { SeenSecrets } from './agent/seen-secrets.ts'
import { readSettings, rememberSettings, type Settings } from './agent/settings.ts'
import type { RepositoryConfig } from './core/data-tasks.ts'
import { exitCodeOf, toFettleError } from './core/errors.ts'
import { hideInError } from './core/free-text.ts'
import { layout } from './core/layout.ts'
import { Secret } from './core/secret.ts'
import { externalFiles } from './core/spec/derived.ts'
import type { Spec } from './core/spec/schema.ts'
import { createBoot } from './drivers/hosts/local/index.ts'
import { createEmbeddedProxy, frontProgram } from './drivers/proxies/embedded/index.ts'
import { moveTables } from './drivers/proxies/embedded/moved-tables.ts'
import { repositories, sourceOf, stores } from './drivers/registry.ts'
import { createProcessRuntime } from './drivers/runtimes/process/index.ts'
import { openSecretFile } from './drivers/secrets/age-file/index.ts'
import { agentArgv } from './lib/agent-argv.ts'
import { systemClock } from './lib/clock.ts'
import { writeFileAtomic } from './lib/files.ts'
import { makeHome } from './lib/home-folder.ts'
import { buildEnvironment } from './lib/inherited.ts'
import { movedPath } from './lib/moved-path.ts'
import { programPath } from './lib/program-path.ts'
import { removeTree } from './lib/remove-tree.ts'
import { version } from './lib/version.ts'
import { bootProgram, pruneVersions } from './lib/versions.ts'
import type { World } from './operations/world.ts'

const { values } = parseArgs({ options: { home: { type: 'string', default: process.env.FETTLE_HOME ?? '' } } })
const { home } = values
const paths = layout(home)
const faults = faultsFrom(process.env)
const redaction = new Redaction(new SeenSecrets(paths))
// Its log may lie on the disk that is full: what can not be said there must not end it.
process.stderr.on('error', () => {})
const log = (text: string): void => void process.stderr.write(`${new Date().toISOString()} ${redaction.hide(text)}\n`)

/** The only one so far. */
const REPOSITORY_DRIVER = 'directory'

/** Homes count their operations each from one, and two of one machine may share a repository. */
const repositoryOwner = `${hostname()}-${createHash('sha256').update(home).digest('hex').slice(0, 8)}`

const repositoryFolder = ({ repository: { directory } }: Pick<Spec['backups'], 'repository'>): string =>
  isAbsolute(directory) ? directory : join(home, directory)

const keysOf = (app: string) => openSecretFile({ project: paths.keys, home, app, environment: 'keys' }, systemClock)

async function repositoryConfig(app: string, backups: Pick<Spec['backups'], 'repository'>): Promise<RepositoryConfig> {
  return {
    driver: REPOSITORY_DRIVER,
    folder: repositoryFolder(backups),
    recipients: await keysOf(app).publicKeys(),
    identityFile: paths.key(app),
    owner: repositoryOwner,
  }
}

function composeWorld(settings: Settings): World {
  return {
    layout: paths,
    version,
    clock: systemClock,
    runtime: createProcessRuntime({
      home,
      clock: systemClock,
      ports: settings.ports,
      relayProgram: [process.execPath, programPath('relay')],
      fault: point => faults.reach(`runtime/${point}`),
      log,
      hide: redaction.hide,
      hideLines: redaction.lines,
    }),
    proxy: createEmbeddedProxy({
      home,
      program: frontProgram(programPath('front')),
      listen: settings.http,
      trust: settings.trust,
      clock: systemClock,
      fault: point => faults.reach(`proxy/${point}`),
      onLost: error => log(`the front does not run: ${toFettleError(error).message}`),
    }),
    stores,
    async repository(app, backups) {
      const create = repositories.get(REPOSITORY_DRIVER)
      if (create === undefined) throw new Error(`no repository driver ${REPOSITORY_DRIVER}`)
      const identity = async () => new Secret(await readFile(paths.key(app), 'utf8'))
      return create({
        folder: repositoryFolder(backups),
        recipients: [], // workers alone write objects
        identity,
        ownAmong: keys => keysOf(app).ownAmong(keys),
        owner: repositoryOwner,
        fault: point => faults.reach(`repository/${point}`),
      })
    },
    repositoryFolder,
    repositoryConfig,
    secrets: (app, environment, project, names) =>
      redaction.watch(openSecretFile({ project, home, app, environment }, systemClock), app, names),
    // What fettle writes and the data that it keeps are no code, also where they lie in the folder of the project.
    source: (spec, project, leaveOut = []) =>
      sourceOf(spec, project, [home, repositoryFolder(spec.backups), ...externalFiles(spec), ...leaveOut]),
    hide: redaction.hide,
    buildEnvironment: buildEnvironment(process.env),
    worker: [process.execPath, programPath('worker')],
  }
}

try {
  if (!isAbsolute(home)) throw new Error('--home must name a folder by its absolute path')
  await makeHome(home)
  await redaction.recall()
  const stopping = Promise.withResolvers<void>()
  const settings = await readSettings(paths, process.env)
  const agent = await startAgent({
    world: composeWorld(settings),
    faults,
    boot: createBoot({ argv: agentArgv(bootProgram(home), home), home }),
    async moveHome(from) {
      await moveTables(home, path => movedPath(path, from, home))
      // They would run, and be ended, by the old paths; what serves is started anew from the tables.
      await removeTree(paths.units)
    },
    hide: redaction.hide,
    maskedStream: redaction.stream,
    log,
    onShutdown: stopping.resolve,
  })
  await rememberSettings(paths, settings)
  for (const word of [paths.agentFailure, paths.agentStopped]) await rm(word, { force: true })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.resolve())
  process.on('SIGHUP', () => {})
  const letLogGrow = keepLogSmall(paths.agentLog, error => log(`the log is not cut: ${toFettleError(error).message}`))
  await pruneVersions(home).catch(error => log(`old versions are not removed: ${toFettleError(error).message}`))
  await stopping.promise
  letLogGrow()
  await agent.stop()
  // An answer that was under way may still wait for a front that was ended: nobody is there to read it.
  process.exit()
} catch (thrown) {
  const error = toFettleError(thrown, `start the agent in ${dirname(paths.agent)}`)
  log(`${error.message}${error.code === 'INTERNAL' ? `\n${inspect(thrown)}` : ''}`)
  // Of two that start at once the other one is well.
  if (error.code !== 'BUSY')
    await writeFileAtomic(paths.agentFailure, JSON.stringify(hideInError(error.toJSON(), redaction.hide)), 0o600).catch(failure =>
      log(String(failure)),
    )
  // What it had opened by then would keep it alive, and the home locked.
  process.exit(exitCodeOf(error.code))
}
