/** What no single value shows: names that lead nowhere, things that exclude each other. Works on a valid spec; places come from the tree. */
import { nearestName } from '../nearest.ts'
import { addressOf } from './addresses.ts'
import { smokeTestService } from './derived.ts'
import type { Expectation } from './expectation.ts'
import type { LocatedFinding } from './issues.ts'
import { type Finding, quoted, type Span, visible } from './problem.ts'
import { type Place, references } from './references.ts'
import { identifier, variableName } from './scalars.ts'
import type { Service, SmokeTest, Spec } from './schema.ts'
import type { SoundRest } from './sound-rest.ts'
import { namesAt, nearestAt, type Tree } from './tree.ts'

/** Far more than are shown: beyond it they are not even counted. */
const MOST_FINDINGS = 10_000

/** What a name must be like to be proposed: the file may have others too. */
const NAME_OF = { services: identifier, stores: identifier, secrets: variableName }
type Kind = keyof typeof NAME_OF

type Path = (string | number)[]

/** @param written the file's own tree of the same environment: it holds more than `tree` when invalid parts were left out */
export function checkSpec({ spec, tree }: SoundRest, written: Tree, source: string): LocatedFinding[] {
  return new Checks({ spec, tree }, written, source).run()
}

class Checks {
  readonly #findings: LocatedFinding[] = []
  readonly #spec: Spec
  readonly #tree: Tree
  readonly #hasRoutes: boolean
  readonly #source: string
  readonly #names: Record<Kind, string[]>
  constructor({ spec, tree }: SoundRest, written: Tree, source: string) {
    this.#spec = spec
    this.#tree = tree
    this.#source = source
    // As written: a store with an error of its own is still a store.
    this.#names = { services: namesAt(written, 'services'), stores: namesAt(written, 'stores'), secrets: namesAt(written, 'secrets') }
    this.#hasRoutes = nearestAt(written, ['routes']).isExact
  }

  run(): LocatedFinding[] {
    for (const [name, service] of Object.entries(this.#spec.services)) this.#service(['services', name], service)
    this.#routes()
    this.#secrets()
    this.#spec.build.forEach((command, index) => {
      this.#buildCommand(typeof this.#plainAt(['build']) === 'string' ? ['build'] : ['build', index], command)
    })
    this.#literals()
    const { migrate, env = {}, test } = this.#spec.release
    if (migrate !== undefined) this.#references(['release', 'migrate'], migrate, 'command')
    this.#environment(['release', 'env'], env)
    test.forEach((smokeTest, index) => {
      this.#smokeTest(['release', 'test', index], smokeTest)
    })
    this.#keep(this.#spec.backups.keep)
    this.#spec.backups.drill.expect.forEach((expectation, index) => {
      this.#expectation(['backups', 'drill', 'expect', index], expectation)
    })
    return this.#findings
  }

  /** What is taken as it stands: a reference in it would be part of a name. */
  #literals(): void {
    const { source, services, stores, routes, release, backups } = this.#spec
    const literals: [Path, unknown][] = [
      [['source'], source],
      ...Object.entries(services).map(([name, { ready }]): [Path, unknown] => [['services', name, 'ready', 'http'], ready?.http]),
      ...Object.entries(stores).flatMap(([name, store]) =>
        Object.entries(store).map(([kind, path]): [Path, unknown] => [['stores', name, kind], path]),
      ),
      ...routes.map(({ path }, index): [Path, unknown] => [['routes', index, 'path'], path]),
      ...release.test.map(({ http }, index): [Path, unknown] => [['release', 'test', index, 'http'], http]),
      [['backups', 'repository', 'directory'], backups.repository.directory],
    ]
    for (const [path, text] of literals)
      for (const { kind, written } of typeof text === 'string' ? references(text) : [])
        if (kind !== 'unknown')
          this.#add(path, `${written} means nothing here: references stand in \`env\` and in commands`, { part: written })
  }

  /** {} keeps all; zeros look like it, and would keep next to nothing. */
  #keep(keep: Spec['backups']['keep']): void {
    const counts = Object.values(keep)
    if (counts.length === 0 || counts.some(count => count > 0)) return
    this.#add(
      ['backups', 'keep'],
      'expected a number above 0: with zeros alone every snapshot but the newest proven one is removed; usual is { daily: 7, weekly: 4, monthly: 12 }, {} keeps all',
    )
  }

  #service(path: Path, { run, env, ready, singleton, instances }: Service): void {
    this.#references([...path, 'run'], run, 'command')
    this.#environment([...path, 'env'], env)
    if (env.PORT !== undefined)
      this.#add([...path, 'env', 'PORT'], 'fettle gives each instance a PORT of its own: this one would never be seen')
    if (ready?.command !== undefined) this.#references([...path, 'ready', 'command'], ready.command, 'command')
    if (ready?.uptime !== undefined && ready.uptime >= ready.within && !this.#isPartial([...path, 'ready']))
      this.#add([...path, 'ready', 'uptime'], 'would never be ready: `uptime` is not shorter than `within`')
    if (singleton && instances > 1) this.#add([...path, 'instances'], 'a singleton never runs twice: expected 1, or `singleton: false`')
  }

  #environment(path: Path, env: Service['env']): void {
    for (const [name, value] of Object.entries(env)) this.#references([...path, name], String(value), 'value')
  }

  #routes(): void {
    const seen = new Set<string>()
    this.#spec.routes.forEach(({ host, path, to }, index) => {
      this.#known('services', to, ['routes', index, 'to'], 'service')
      const address = addressOf({ host, path })
      if (seen.has(address)) this.#add(['routes', index, 'host'], 'an earlier route has the same host and path')
      seen.add(address)
    })
  }

  /** A map can not hold a name twice, a list can. */
  #secrets(): void {
    this.#names.secrets.forEach((name, index, names) => {
      if (names.indexOf(name) < index) this.#add(['secrets', index], `the secret ${quoted(name)} stands here twice`)
    })
  }

  #smokeTest(path: Path, test: SmokeTest): void {
    if (test.service !== undefined) this.#known('services', test.service, [...path, 'service'], 'service')
    else if (smokeTestService(this.#spec, test) === undefined && !this.#hasRoutes)
      this.#add(path, 'there is no route, so the test must name its `service`')
    const nearEnd = test['near-end']
    const looksAtBody = test.contains !== undefined || nearEnd !== undefined
    if (test.method === 'HEAD' && looksAtBody) this.#add([...path, 'method'], 'an answer to HEAD has no body to look into')
    if (nearEnd !== undefined && Buffer.byteLength(nearEnd.text) > nearEnd.within)
      this.#add([...path, 'near-end', 'within'], 'shorter than the text that should lie in it')
  }

  #expectation(path: Path, expectation: Expectation): void {
    const { sql, files, equals } = expectation
    const [atLeast, atMost] = [expectation['at-least'], expectation['at-most']]
    if ((sql === undefined) === (files === undefined)) this.#add(path, 'expected one of `sql` and `files`')
    const hasRange = atLeast !== undefined || atMost !== undefined
    if (hasRange === (equals !== undefined)) this.#add(path, 'expected a comparison: `at-least`, `at-most` (or both), or `equals`')
    if (atLeast !== undefined && atMost !== undefined && atLeast > atMost)
      this.#add([...path, 'at-most'], 'is less than `at-least`: nothing can meet both')
    this.#expectationStore(path, expectation)
  }

  #expectationStore(path: Path, { store, sql, files }: Expectation): void {
    const { stores } = this.#names
    const name = store ?? (stores.length === 1 ? stores[0] : undefined)
    if (name === undefined) this.#add(path, `expected \`store\`: there is ${stores.length === 0 ? 'none' : 'more than one'}`)
    if (name === undefined || !this.#known('stores', name, [...path, 'store'], 'store')) return
    const config = this.#spec.stores[name]
    if (config === undefined) return
    if (sql !== undefined && !('sqlite' in config)) this.#add([...path, 'sql'], `the store ${name} holds files and cannot be asked in SQL`)
    if (files !== undefined && !('files' in config)) this.#add([...path, 'files'], `the store ${name} is a database: no files to count`)
  }

  #buildCommand(path: Path, command: string): void {
    for (const { written } of references(command, 'command'))
      this.#add(path, `a build is the same for every environment and cannot use ${written}`, { part: written })
  }

  #references(path: Path, text: string, place: Place): void {
    for (const reference of references(text, place)) {
      const part = reference.written
      if (reference.kind === 'unknown')
        this.#add(path, `${part}: ${reference.problem}`, { part, nearest: () => this.#nearestReference(part) })
      else if (reference.kind === 'store') this.#known('stores', reference.name, path, 'store', part)
      else if (reference.kind === 'secret' && place === 'command')
        this.#add(path, `${part} would stand in the list of processes; put it into \`env\` and use the variable here`, { part })
      else if (reference.kind === 'secret') this.#known('secrets', reference.name, path, 'secret', part)
    }
  }

  #known(kind: Kind, name: string, path: Path, word: string, part?: string): boolean {
    const names = this.#names[kind]
    if (names.includes(name)) return true
    const where = part === undefined ? '' : ` in ${part}`
    const otherwise = names.length === 0 ? `\`${kind}:\` names none` : `there is ${visible(listed(names))}`
    this.#add(path, `no ${word} ${quoted(name)}${where}`, { part, nearest: () => this.#nearest(kind, name), otherwise })
    return false
  }

  #nearest(kind: Kind, name: string): string | undefined {
    const sound = this.#names[kind].filter(other => NAME_OF[kind].safeParse(other).success)
    return nearestName(name, sound)
  }

  /** `${store.dta}` → `${stores.data.path}`: each part as it was probably meant. */
  #nearestReference(written: string): string | undefined {
    const [root = '', name = ''] = written.replace(/^\$\{ *| *\}$/g, '').split('.')
    const kind = nearestName(root, ['stores', 'secrets', 'environment', 'app', 'release'])
    if (kind !== 'stores' && kind !== 'secrets') return kind === undefined ? undefined : `\${${kind}}`
    const meant = this.#nearest(kind, name) ?? (root === kind ? '' : name)
    if (meant === '') return undefined
    return kind === 'stores' ? `\${stores.${meant}.path}` : `\${secrets.${meant}}`
  }

  #isPartial(path: Path): boolean {
    const { tree, isExact } = nearestAt(this.#tree, path)
    return isExact && tree.kind === 'map' && tree.isPartial === true
  }

  #plainAt(path: Path): unknown {
    const { tree, isExact } = nearestAt(this.#tree, path)
    return isExact && tree.kind === 'leaf' ? tree.value : undefined
  }

  #add(path: Path, message: string, { part, ...words }: { part?: string } & Pick<Finding, 'nearest' | 'otherwise'> = {}): void {
    if (this.#findings.length >= MOST_FINDINGS || this.#isPartial(path)) return
    const { tree, isExact } = nearestAt(this.#tree, path)
    const at = isExact ? tree.at : (tree.key ?? tree.at)
    this.#findings.push({ path, at: part === undefined ? at : partOf(at, part, this.#source), message, ...words })
  }
}

const listed = (names: string[]): string => (names.length > 10 ? `${names.slice(0, 10).join(', ')} …` : names.join(', '))

/** The part inside a value, where it stands there as it is meant (not so with escapes). */
function partOf(at: Span, part: string, source: string): Span {
  const start = source.slice(at.start, at.end).indexOf(part)
  return start < 0 ? at : { start: at.start + start, end: at.start + start + part.length }
}
