/** Variables that a container is given, for the same program outside of it. */
import { addSecret, type Draft, type DraftService, isVariable } from './draft.ts'

/** Set by fettle, or about the inside of the container. */
const OF_THE_CONTAINER = /^(PORT|HOST|HOSTNAME|PATH|HOME|USER|PWD|SHELL|LD_LIBRARY_PATH|PYTHONPATH|GEM_HOME|GOPATH|VIRTUAL_ENV)$/
const SECRET_NAME = /(^|_)(PASS(WORD|WD|PHRASE)?|PWD|TOKEN|SECRET|KEY|CREDENTIALS?|DSN)(S?)(_|$)/i
const WITH_PASSWORD = /:\/\/[^\s/@]*:[^\s/@]*@/

interface Container {
  /** The file that says so. */
  from: string
  /** Names that only the container's network knows. */
  hosts: string[]
}

/** Plain values are copied, secrets become names without a value, and what means nothing outside is said. */
export function giveVariables(
  draft: Draft,
  services: DraftService[],
  variables: [name: string, value: string][],
  container: Container,
): void {
  if (services.length === 0) return
  const given = new Map(variables.filter(([name]) => isVariable(name) && !OF_THE_CONTAINER.test(name)))
  draft.variables.push(...given.keys())
  const isSecret = ([name, value]: [string, string]) => SECRET_NAME.test(name) || WITH_PASSWORD.test(value)
  const secrets = [...given].filter(isSecret).map(([name]) => name)
  const others = [...given].filter(one => !isSecret(one))
  const copied = others.filter(([, value]) => isPlain(value, container.hosts))
  const left = others.filter(([, value]) => !isPlain(value, container.hosts)).map(([name]) => name)
  for (const [name, value] of copied) for (const service of services) service.env[name] = value
  for (const name of secrets) addSecret(draft, services, name)
  const says = (what: string, names: string[], more = ''): void => {
    if (names.length > 0) draft.reasons.push(`variables in ${container.from} ${what}: ${names.join(', ')}${more}`)
  }
  says('taken over', [...new Map(copied).keys()])
  says('that look like secrets, not copied', secrets, '; give each its value with `fettle secrets set`')
  says('not taken over', left, '; they name what is inside or beside the container, or other variables')
}

/** A host without a dot: known to the container's network only. */
const INNER_URL = /:\/\/(?:[^\s/@]*@)?(?!localhost\b)[^\s./:@]*(?:[:/]|$)/

/** Neither a path, nor a host beside it, nor what a shell would replace. */
function isPlain(value: string, hosts: string[]): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/^\/|[$\0-\x1f\x7f\ufffd]/.test(value) || INNER_URL.test(value)) return false
  return !hosts.some(host => value.split(/[^\w.-]+/).includes(host))
}
