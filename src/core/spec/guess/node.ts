/** package.json: scripts, lock file, engines. */
import { addBuild, addService, type Draft, type FolderSketch, MAIN_SERVICE, setMigration } from './draft.ts'

interface Manifest {
  name?: string
  main?: string
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  engines: Record<string, string>
}

const INSTALLS: [lockFile: string, command: string][] = [
  ['package-lock.json', 'npm ci'],
  ['npm-shrinkwrap.json', 'npm ci'],
  ['pnpm-lock.yaml', 'pnpm install --frozen-lockfile'],
  ['yarn.lock', 'yarn install --frozen-lockfile'],
  ['bun.lock', 'bun install --frozen-lockfile'],
  ['bun.lockb', 'bun install --frozen-lockfile'],
]
const ENTRIES = ['server.js', 'server.mjs', 'server.ts', 'app.js', 'index.js']
const WORKER = /^(start[:-])?(worker|queue|jobs?|scheduler|cron)$/
const MIGRATION = /^(db[:-])?migrate(:latest|:deploy|:up)?$/

/** The texts of a map, whatever else stands in the place of one. */
function textsOf(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

export function manifestOf({ texts }: FolderSketch, path = 'package.json'): Manifest | undefined {
  const text = texts[path]
  if (text === undefined) return undefined
  try {
    const manifest = JSON.parse(text) as { [key in keyof Manifest]?: unknown }
    return {
      ...(typeof manifest.name === 'string' ? { name: manifest.name } : {}),
      ...(typeof manifest.main === 'string' ? { main: manifest.main } : {}),
      scripts: textsOf(manifest.scripts),
      dependencies: textsOf(manifest.dependencies),
      devDependencies: textsOf(manifest.devDependencies),
      engines: textsOf(manifest.engines),
    }
  } catch {
    // npm can not read it either.
    return undefined
  }
}

export function fromPackageJson(sketch: FolderSketch, draft: Draft): void {
  const manifest = manifestOf(sketch)
  if (manifest === undefined && sketch.texts['package.json'] !== undefined)
    draft.reasons.push('package.json can not be read: it is no JSON; mend it and look again')
  if (manifest === undefined) return
  install(sketch, manifest, draft)
  start(sketch, manifest, draft)
  migration(sketch, manifest, draft)
  if (manifest.engines.node !== undefined)
    draft.reasons.push(
      `package.json asks for Node ${manifest.engines.node}; fettle's own Node${sketch.nodeVersion === undefined ? '' : ` ${sketch.nodeVersion}`} comes first in PATH and runs it, but where \`PATH=<folder of another>:$PATH\` stands before a command`,
    )
}

function install(sketch: FolderSketch, { scripts, dependencies, devDependencies }: Manifest, draft: Draft): void {
  const [lockFile, command] = lockOf(sketch) ?? []
  if (command !== undefined) addBuild(draft, command, `${lockFile}`)
  else if (Object.keys({ ...dependencies, ...devDependencies }).length > 0)
    addBuild(draft, 'npm install', 'dependencies without a lock file; with one a build is repeatable')
  if (scripts.build !== undefined) addBuild(draft, `${managerOf(sketch)} run build`, '`scripts.build` in package.json')
}

const lockOf = ({ files }: FolderSketch) => INSTALLS.find(([name]) => files.includes(name))

/** `npm`, `pnpm`, `yarn` or `bun`: whose lock file lies there. */
const managerOf = (sketch: FolderSketch): string => lockOf(sketch)?.[1].split(' ')[0] ?? 'npm'

function start({ files }: FolderSketch, { main, scripts }: Manifest, draft: Draft): void {
  // After a Procfile the scripts would start the same things twice.
  if (draft.services.size > 0) return
  const entry = [...(main === undefined ? [] : [main.replace(/^\.\//, '')]), ...ENTRIES].find(name => files.includes(name))
  if (scripts.start !== undefined) addService(draft, MAIN_SERVICE, direct('start', scripts.start), '`scripts.start` in package.json')
  else if (entry !== undefined) addService(draft, MAIN_SERVICE, `node ${entry}`, entry)
  for (const [name, script] of Object.entries(scripts))
    if (WORKER.test(name)) addService(draft, name.replace(/^start[:-]/, ''), direct(name, script), `\`scripts.${name}\` in package.json`)
}

/** A plain `node …` is run as it is: npm between would take the stop signal. */
const direct = (name: string, script: string): string =>
  /^node [^&|;<>$`]+$/.test(script) ? script : name === 'start' ? 'npm start' : `npm run ${name}`

function migration({ files }: FolderSketch, { scripts, dependencies }: Manifest, draft: Draft): void {
  const name = Object.keys(scripts).find(script => MIGRATION.test(script))
  if (name !== undefined) setMigration(draft, direct(name, scripts[name] ?? ''), `\`scripts.${name}\` in package.json`)
  else if (files.includes('migrate.js')) setMigration(draft, 'node migrate.js', 'migrate.js')
  else if (files.includes('prisma/schema.prisma')) setMigration(draft, 'npx prisma migrate deploy', 'prisma/schema.prisma')
  else if ('knex' in dependencies && files.includes('knexfile.js')) setMigration(draft, 'npx knex migrate:latest', 'knexfile.js')
}
