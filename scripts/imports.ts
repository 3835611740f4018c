/**
 * The house with floors, as a rule: who may import whom, and which of Node's modules and globals a floor may use.
 * Biome's noRestrictedImports sees only the text of a specifier, but `../files/x.ts` is right or wrong by where it leads.
 */
import { posix } from 'node:path'

export interface Violation {
  file: string
  line: number
  message: string
}

interface Floor {
  imports: readonly string[]
  /** Floors of which it may import types besides. */
  types?: readonly string[]
  why: string
}

const FLOORS: Readonly<Record<string, Floor>> = {
  core: { imports: ['core'], why: 'core is pure values and decisions, handed what they need' },
  ports: { imports: ['ports', 'core'], why: 'a port is a contract in the words of core' },
  lib: { imports: ['lib', 'core'], types: ['ports'], why: 'lib is small helpers that know nothing above core' },
  engine: { imports: ['engine', 'core', 'ports', 'lib'], why: 'the engine is handed what its steps need' },
  drivers: { imports: ['core', 'ports', 'lib'], why: 'a driver knows its port and its own folder, never another driver' },
  operations: { imports: ['operations', 'core', 'ports', 'lib', 'engine'], why: 'a use case is handed its drivers as ports' },
  watch: { imports: ['watch', 'core', 'ports', 'lib', 'engine'], why: 'watch is handed its drivers as ports' },
  api: {
    imports: ['api', 'core', 'lib'],
    types: ['ports', 'engine', 'operations', 'watch'],
    why: 'the API is what both ends of the socket share',
  },
  agent: {
    imports: ['agent', 'api', 'core', 'engine', 'lib', 'operations', 'ports', 'watch'],
    why: 'the agent is handed its drivers by its entry',
  },
  demo: { imports: ['demo', 'api', 'core', 'lib'], types: ['ports'], why: 'the demo uses fettle as a person does' },
  cli: { imports: ['cli', 'demo', 'api', 'core', 'lib'], types: ['ports'], why: "the command line talks to the agent's API only" },
  worker: { imports: ['worker', 'core', 'ports', 'lib'], why: 'a data task is handed its drivers by its entry' },
  web: { imports: ['web', 'api', 'core', 'lib'], types: ['ports'], why: "the dashboard talks to the agent's API only" },
}

/** Packages, and of Node's modules the names, without I/O, clock or randomness. */
const CORE_PACKAGES = ['zod', 'yaml', 'fastest-levenshtein', 'node:util']
const CORE_NAMES: Readonly<Record<string, readonly string[]>> = {
  'node:crypto': ['createHash', 'createHmac', 'hash', 'timingSafeEqual'],
  'node:path': ['basename', 'dirname', 'extname', 'isAbsolute', 'join', 'normalize', 'posix', 'relative', 'sep'],
}
const CORE_IMPURE =
  /\b(?:Date\.now|Math\.random|performance\.now|process\.(?!versions)\w+|crypto\.random\w+|set(?:Timeout|Interval|Immediate)|fetch)\b|\bnew Date\(\)/g

interface Import {
  specifier: string
  names: string[]
  isType: boolean
  line: number
}

const lineAt = (source: string, index: number): number => source.slice(0, index).split('\n').length

/** Comments blanked out, lines kept. A `//` inside a string, as in a URL, has no blank before it. */
const withoutComments = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, comment => comment.replace(/[^\n]/g, ' '))

const STATIC = /^(?:import|export)\s+(type\s+)?([^'"()]*?)\bfrom\s*'([^']+)'|^import\s*'([^']+)'/gm
const DYNAMIC = /\bimport\(\s*'([^']+)'/g

function importsOf(source: string): Import[] {
  const fixed = [...source.matchAll(STATIC)].map(match => ({
    specifier: match[3] ?? match[4] ?? '',
    names: (match[2] ?? '').match(/\w+(?=\s*[,}]|\s+as\b)/g) ?? [],
    isType: match[1] !== undefined,
    line: lineAt(source, match.index),
  }))
  const dynamic = [...source.matchAll(DYNAMIC)].map(match => ({
    specifier: match[1] ?? '',
    names: [],
    isType: false,
    line: lineAt(source, match.index),
  }))
  return [...fixed, ...dynamic]
}

/** The folders that decide: `core`, or for a driver `drivers/stores/sqlite`; `` for an entry directly in src/ and the registry. */
function placeOf(file: string): { floor: string; driver: string | undefined } {
  const [, floor = '', kind, name, ...rest] = file.split('/')
  if (kind === undefined || file === 'src/drivers/registry.ts') return { floor: '', driver: undefined }
  return { floor, driver: floor === 'drivers' && rest.length > 0 ? `${kind}/${name}` : undefined }
}

function ownImportProblem(file: string, { specifier, isType }: Import): string | undefined {
  const target = posix.join(posix.dirname(file), specifier)
  if (!target.startsWith('src/')) return `imports ${target}: what ships is in src/ only`
  const from = placeOf(file)
  const to = placeOf(target)
  const floor = FLOORS[from.floor]
  if (from.floor === '') {
    const isRegistry = file === 'src/drivers/registry.ts'
    return isRegistry && to.driver !== undefined && posix.basename(target) !== 'index.ts'
      ? `imports ${target}: the registry knows a driver by its index.ts`
      : undefined
  }
  if (floor === undefined) return `is in src/${from.floor}/, a floor that the import table in scripts/imports.ts does not know`
  if (floor.imports.includes(to.floor) || (isType && floor.types?.includes(to.floor))) return undefined
  if (from.driver !== undefined && from.driver === to.driver) return undefined
  return `imports ${target}: ${floor.why}`
}

function moduleProblem(floor: string, { specifier, names, isType }: Import): string | undefined {
  if (specifier === 'zod' && !isType && names.includes('z'))
    return "imports { z } from 'zod', which keeps all of it in the bundle (550 kB, 14 ms a start): import * as z from 'zod'"
  if (specifier === 'node:child_process' && !['lib', 'drivers'].includes(floor))
    return 'imports node:child_process: programs are run by lib/ and drivers/, where argv, secrets and ends are looked after'
  if (floor === 'ports' && !isType) return specifier === 'zod' ? undefined : `imports ${specifier}: a port has types only`
  if (floor !== 'core' || isType) return undefined
  const allowed = CORE_NAMES[specifier]
  const isPure = allowed === undefined ? CORE_PACKAGES.includes(specifier) : names.length > 0 && names.every(name => allowed.includes(name))
  return isPure ? undefined : `imports ${specifier} (${names.join(', ')}): core has no I/O, clock or randomness`
}

/** @param file path from the checkout's root, with `/` */
export function importViolations(file: string, text: string): Violation[] {
  const source = withoutComments(text)
  const { floor } = placeOf(file)
  const violations: Violation[] = []
  for (const imported of importsOf(source)) {
    const message = imported.specifier.startsWith('.') ? ownImportProblem(file, imported) : moduleProblem(floor, imported)
    if (message !== undefined) violations.push({ file, line: imported.line, message })
  }
  if (floor !== 'core') return violations
  const impure = [...source.matchAll(CORE_IMPURE)].map(match => ({
    file,
    line: lineAt(source, match.index),
    message: `uses ${match[0]}: core has no I/O, clock or randomness; hand in the value`,
  }))
  return [...violations, ...impure]
}
