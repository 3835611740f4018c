/** What must outlive a release: databases, uploaded files, secrets. */
import { guessDatabase } from './database.ts'
import { addSecret, codeOf, type Draft, type FolderSketch, isVariable, MAIN_SERVICE } from './draft.ts'

const DATABASE_VARIABLE = /^(DATABASE|DB|SQLITE)(_(URL|PATH|FILE|NAME))?$/
const UPLOADS = ['uploads/', 'storage/uploads/', 'public/uploads/', 'media/']
const UPLOADS_VARIABLE = /^(UPLOADS?|MEDIA)(_(DIR|PATH|FOLDER|ROOT))?$/
/** Set by fettle or harmless; all other names of `.env` count as secrets, because a value does not show what it is. */
const NO_SECRET =
  /^(PORT|HOST|HOSTNAME|NODE_ENV|RAILS_ENV|RACK_ENV|DJANGO_SETTINGS_MODULE|LOG_LEVEL|DEBUG|TZ|LANG|[A-Z_]*_(PORT|HOST|ENV|LEVEL))$/

export function fromData(sketch: FolderSketch, draft: Draft): void {
  const variables = variablesOf(sketch)
  const used = [...variables, ...draft.variables, ...variablesInCode(sketch)]
  const settled = new Set([...database(sketch, draft, used), ...files(sketch, draft, used)])
  draft.secrets = draft.secrets.filter(name => !settled.has(name))
  const secrets = variables.filter(name => !settled.has(name) && !NO_SECRET.test(name))
  for (const name of secrets) addSecret(draft, draft.services.values(), name)
  if (secrets.length > 0)
    draft.reasons.push(`secrets, by the names in .env: ${secrets.join(', ')}; give each its value with \`fettle secrets set\``)
}

/** Names only: no value leaves the file. */
function variablesOf({ texts }: FolderSketch): string[] {
  const lines = [texts['.env'], texts['.env.example'], texts['.env.sample']].join('\n')
  return [...new Set([...lines.matchAll(/^\s*(?:export\s+)?(\w+)\s*=/gm)].map(([, name = '']) => name))].filter(isVariable)
}

/** `process.env.DATABASE`, `os.environ["DATABASE"]`: only to name what a store is handed over by. */
const variablesInCode = (sketch: FolderSketch): string[] =>
  [...codeOf(sketch).matchAll(/\benv(?:iron)?(?:\.get\(|\.|\[)['"]?([A-Z][A-Z0-9_]*)/g)].map(([, name = '']) => name)

function database(sketch: FolderSketch, draft: Draft, variables: string[]): string[] {
  const usual = variables.find(name => DATABASE_VARIABLE.test(name)) ?? 'DATABASE'
  const guessed = guessDatabase(sketch, usual)
  if (guessed === undefined) return []
  const { why, value, todo, variable = usual } = guessed
  const file = guessed.file || `${draft.app}.db`
  draft.stores.set('data', { kind: 'sqlite', path: file, why })
  give(draft, variable, value)
  draft.reasons.push(`store data: a SQLite database, from ${why}; the app gets its path as ${variable}`)
  if (todo !== '') draft.reasons.push(`${todo}; until then what it writes is lost with every deploy`)
  const present = sketch.files.find(name => name === file || name.endsWith(`/${file}`))
  if (present !== undefined) draft.reasons.push(`${present} itself is not taken over: copy it after the first deploy, or begin empty`)
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
  if (service === undefined || service.ready !== undefined) return
  const path = /['"`](?:GET )?(\/(?:healthz?|_health|up|ready|readyz|livez|status))['"`]/.exec(codeOf(sketch))?.[1]
  if (path === undefined) return
  service.ready = path
  draft.reasons.push(`ready when ${path} answers: the path stands in the code`)
}
