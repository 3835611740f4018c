/** What must outlive a release: databases, uploaded files, secrets. */
import { type Draft, type FolderSketch, isCode, MAIN_SERVICE } from './draft.ts'
import { manifestOf } from './node.ts'

const SQLITE_PACKAGES = ['better-sqlite3', 'sqlite3', '@libsql/client', 'node-sqlite3-wasm']
const DATABASE_FILE = /^(?:data\/|db\/)?([\w .@-]+\.(?:db|sqlite|sqlite3))$/
const DATABASE_VARIABLE = /^(DATABASE|DB|SQLITE)(_(URL|PATH|FILE|NAME))?$/
const UPLOADS = ['uploads/', 'storage/uploads/', 'public/uploads/', 'media/']
const UPLOADS_VARIABLE = /^(UPLOADS?|MEDIA)(_(DIR|PATH|FOLDER|ROOT))?$/
/** Set by fettle or harmless; all other names of `.env` count as secrets, because a value does not show what it is. */
const NO_SECRET =
  /^(PORT|HOST|HOSTNAME|NODE_ENV|RAILS_ENV|RACK_ENV|DJANGO_SETTINGS_MODULE|LOG_LEVEL|DEBUG|TZ|LANG|[A-Z_]*_(PORT|HOST|ENV|LEVEL))$/

export function fromData(sketch: FolderSketch, draft: Draft): void {
  const variables = variablesOf(sketch)
  const used = [...variables, ...variablesInCode(sketch)]
  const databases = database(sketch, draft, used)
  const uploads = files(sketch, draft, used)
  const settled = new Set([...databases, ...uploads])
  draft.secrets = variables.filter(name => !settled.has(name) && !NO_SECRET.test(name))
  for (const service of draft.services.values()) for (const name of draft.secrets) service.env[name] = `\${secrets.${name}}`
  if (draft.secrets.length > 0)
    draft.reasons.push(`secrets, by the names in .env: ${draft.secrets.join(', ')}; give each its value with \`fettle secrets set\``)
}

/** Names only: no value leaves the file. */
function variablesOf({ texts }: FolderSketch): string[] {
  const lines = [texts['.env'], texts['.env.example'], texts['.env.sample']].join('\n')
  return [...new Set([...lines.matchAll(/^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]{0,99})\s*=/gm)].map(([, name = '']) => name))]
}

const codeOf = ({ texts }: FolderSketch): string =>
  Object.keys(texts)
    .filter(isCode)
    .map(name => texts[name])
    .join('\n')

/** `process.env.DATABASE`, `os.environ["DATABASE"]`: only to name what a store is handed over by. */
const variablesInCode = (sketch: FolderSketch): string[] =>
  [...codeOf(sketch).matchAll(/\benv(?:iron)?(?:\.get\(|\.|\[)['"]?([A-Z][A-Z0-9_]*)/g)].map(([, name = '']) => name)

function database(sketch: FolderSketch, draft: Draft, variables: string[]): string[] {
  const found = sketch.files.map(file => ({ file, name: DATABASE_FILE.exec(file)?.[1] })).find(({ name }) => name !== undefined)
  const packages = Object.keys(manifestOf(sketch)?.dependencies ?? {})
  const usedPackage = SQLITE_PACKAGES.find(name => packages.includes(name))
  const isBuiltIn = codeOf(sketch).includes('node:sqlite')
  if (found === undefined && usedPackage === undefined && !isBuiltIn) return []
  const why = found?.file ?? (usedPackage === undefined ? 'node:sqlite in the code' : `${usedPackage} in package.json`)
  draft.stores.set('data', { kind: 'sqlite', path: found?.name ?? `${draft.app}.db`, why })
  const variable = variables.find(name => DATABASE_VARIABLE.test(name)) ?? 'DATABASE'
  const isPrisma = sketch.files.includes('prisma/schema.prisma')
  give(draft, variable, isPrisma ? 'file:${stores.data.path}' : '${stores.data.path}')
  draft.reasons.push(`store data: a SQLite database, from ${why}; the app must open the file that ${variable} names`)
  if (found !== undefined) draft.reasons.push(`${found.file} itself is not taken over: copy it after the first deploy, or begin empty`)
  return [variable]
}

function files(sketch: FolderSketch, draft: Draft, variables: string[]): string[] {
  const folder = UPLOADS.find(name => sketch.files.includes(name))
  const known = variables.find(name => UPLOADS_VARIABLE.test(name))
  if (folder === undefined && known === undefined) return []
  const variable = known ?? 'UPLOADS'
  const why = folder ?? `${variable}, which the app reads`
  draft.stores.set('uploads', { kind: 'files', path: '.', why })
  give(draft, variable, '${stores.uploads.path}')
  draft.reasons.push(`store uploads: files, from ${why}; the app must write to the folder that ${variable} names`)
  return [variable]
}

function give(draft: Draft, variable: string, value: string): void {
  for (const service of draft.services.values()) service.env[variable] = value
}

/** Where the app says that it is well; found in its own text. */
export function fromHealthPath(sketch: FolderSketch, draft: Draft): void {
  const service = draft.services.get(MAIN_SERVICE)
  if (service === undefined) return
  const path = /['"`](?:GET )?(\/(?:healthz?|_health|up|ready|readyz|livez|status))['"`]/.exec(codeOf(sketch))?.[1]
  if (path === undefined) return
  service.ready = path
  draft.reasons.push(`ready when ${path} answers: the path stands in the code`)
}
