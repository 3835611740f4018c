/** Where the app keeps its rows: what its framework is set to, a file that lies there, a package that opens one. */
import { codeOf, type FolderSketch } from './draft.ts'
import { manifestOf } from './node.ts'

export interface GuessedDatabase {
  /** Plain name of the file in the store. */
  file: string
  why: string
  /** How the app is told its path: `${stores.data.path}`, or that in a URL. */
  value: string
  /** The variable that the app reads; without it a usual one is chosen. */
  variable?: string
  /** What is left to the person, before the app reads and writes the store. */
  todo: string
}

const FILE_NAME = /([\w.@-]+\.(?:db|sqlite|sqlite3))\b/
const DATABASE_FILE = /^(?:(?:data|db|storage|instance)\/)?([\w .@-]+\.(?:db|sqlite|sqlite3))$/
const SQLITE_PACKAGES = ['better-sqlite3', 'sqlite3', '@libsql/client', 'node-sqlite3-wasm']
const SQLITE_IN_CODE = /node:sqlite|bun:sqlite|^\s*(?:import|from) (?:aio)?sqlite3\b|sqlite:\/\/\//m
const PATH = '${stores.data.path}'

export function guessDatabase(sketch: FolderSketch, variable: string): GuessedDatabase | undefined {
  return djangoDatabase(sketch, variable) ?? railsDatabase(sketch) ?? someDatabase(sketch, variable)
}

/** `ENGINE` and `NAME` in settings.py, read as text. */
function djangoDatabase({ files, texts }: FolderSketch, variable: string): GuessedDatabase | undefined {
  if (!files.includes('manage.py')) return undefined
  for (const [path, text] of Object.entries(texts)) {
    if (!/\/settings(\/\w+)?\.py$/.test(path)) continue
    const live = text.replace(/^[ \t]*#.*$/gm, '') // lines keep their numbers
    if (/dj_database_url|\benv\.db(_url)?\(/.test(live) && live.includes('sqlite:'))
      return { file: 'db.sqlite3', why: path, variable: 'DATABASE_URL', value: `sqlite:///${PATH}`, todo: '' }
    const engine = live.indexOf('django.db.backends.sqlite3')
    if (engine >= 0) return djangoNamed(path, live, engine, variable)
  }
  return undefined
}

function djangoNamed(path: string, text: string, engine: number, variable: string): GuessedDatabase {
  const from = text.lastIndexOf('{', engine)
  const name = /['"]NAME['"]\s*:\s*((?:[^,(){}\n]|\((?:[^()\n]|\([^()\n]*\))*\))+)/.exec(text.slice(from))
  const written = name?.[1]?.trim() ?? ''
  const read = /(?:environ(?:\.get\(|\[)|getenv\(|\benv(?:\.\w+)?\(|\bconfig\()\s*['"](\w+)['"]/.exec(written)?.[1]
  const found = { file: FILE_NAME.exec(written)?.[1] ?? 'db.sqlite3', why: path, value: PATH }
  if (read !== undefined) return { ...found, variable: read, todo: '' }
  const line = text.slice(0, from + (name?.index ?? 0)).split('\n').length
  return {
    ...found,
    variable,
    todo: `${path} line ${line} must read it: \`'NAME': os.environ.get('${variable}', ${written || "'db.sqlite3'"})\`, with \`import os\``,
  }
}

/** Rails lays DATABASE_URL over config/database.yml by itself; each further database has a variable of its own name. */
function railsDatabase({ texts }: FolderSketch): GuessedDatabase | undefined {
  const text = texts['config/database.yml']?.replace(/^[ \t]*#.*$/gm, '') ?? ''
  const section = (name: string): string => new RegExp(`^${name}:.*\\n((?:[ \\t]+.*\\n|[ \\t]*\\n)*)`, 'm').exec(`${text}\n`)?.[1] ?? ''
  const production = section('production')
  const adapter = /adapter:[ \t]*["']?(\w+)/.exec(`${production}\n${section('default')}`)?.[1]
  if (adapter !== 'sqlite3' || /^\s+url:/m.test(production)) return undefined
  const others = [...production.matchAll(/^[ \t]+(\w+):[ \t]*$/gm)].flatMap(([, name = '']) => (name === 'primary' ? [] : [name]))
  return {
    file: FILE_NAME.exec(production)?.[1] ?? 'production.sqlite3',
    why: 'config/database.yml',
    variable: 'DATABASE_URL',
    value: `sqlite3:${PATH}`,
    todo:
      others.length === 0
        ? ''
        : `its databases ${others.join(', ')} need stores and variables of their own, such as ${others[0]?.toUpperCase()}_DATABASE_URL`,
  }
}

function someDatabase(sketch: FolderSketch, variable: string): GuessedDatabase | undefined {
  const found = sketch.files.find(file => DATABASE_FILE.test(file))
  const packages = Object.keys(manifestOf(sketch)?.dependencies ?? {})
  const usedPackage = SQLITE_PACKAGES.find(name => packages.includes(name))
  const code = codeOf(sketch)
  const inCode = SQLITE_IN_CODE.exec(code)?.[0].trim()
  const why = found ?? (usedPackage === undefined ? inCode && `${inCode} in the code` : `${usedPackage} in package.json`)
  if (why === undefined) return undefined
  const isPrisma = sketch.files.includes('prisma/schema.prisma')
  return {
    file: DATABASE_FILE.exec(found ?? '')?.[1] ?? '',
    why,
    value: isPrisma ? `file:${PATH}` : code.includes('sqlite:///') ? `sqlite:///${PATH}` : PATH,
    todo: new RegExp(`\\b${variable}\\b`).test(code) || isPrisma ? '' : `the app must open the file that ${variable} names`,
  }
}
