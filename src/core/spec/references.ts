/**
 * References such as `${stores.data.path}`: what they may name and what they become. Two places have two rules:
 * - a *value* (an environment variable): every `${…}` is a reference; `$${` is a plain `${`;
 * - a *command*, which a shell reads: only names with a dot are references (`${stores.data.path}` means nothing to a shell),
 *   `${PORT}` is the shell's. Secrets are refused there: they would stand in the list of processes.
 */
import { FettleError } from '../errors.ts'
import { Secret } from '../secret.ts'

export type Place = 'value' | 'command'

export type Reference = { start: number; end: number; written: string } & (
  | { kind: 'store' | 'secret'; name: string }
  | { kind: 'environment' | 'app' | 'release' }
  | { kind: 'unknown'; problem: string }
)

/** What references stand for in one run: the live data of an environment, or a scratch copy of it. */
export interface Scope {
  app: string
  environment: string
  release: string
  /** Store → path of its data. */
  stores: Record<string, string>
  secrets: Record<string, Secret>
}

export type Environment = Record<string, string | Secret>

const IN_VALUES = /\$\$\{|\$\{([^{}]*)(\}?)/g
const IN_COMMANDS = /\$\{([A-Za-z][\w-]*(?:\.[\w-]+)+)(\})/g
const FORMS = '${stores.<name>.path}, ${secrets.<NAME>}, ${environment}, ${app} or ${release}'

export function references(text: string, place: Place = 'value'): Reference[] {
  const found: Reference[] = []
  for (const match of text.matchAll(place === 'value' ? IN_VALUES : IN_COMMANDS)) {
    const [written, inside, close] = match
    if (written === '$${') continue
    const at = { start: match.index, end: match.index + written.length, written }
    found.push(
      close === ''
        ? { ...at, kind: 'unknown', problem: 'a reference begins here and is not closed; a plain ${ is written $${' }
        : { ...at, ...meaning(inside ?? '') },
    )
  }
  return found
}

function meaning(
  inside: string,
): { kind: 'store' | 'secret'; name: string } | { kind: 'environment' | 'app' | 'release' } | { kind: 'unknown'; problem: string } {
  const parts = inside.trim().split('.')
  const [root = '', name = '', field] = parts
  if (root === 'stores' && name !== '' && field === 'path' && parts.length === 3) return { kind: 'store', name }
  if (root === 'secrets' && name !== '' && parts.length === 2) return { kind: 'secret', name }
  if ((root === 'environment' || root === 'app' || root === 'release') && parts.length === 1) return { kind: root }
  return { kind: 'unknown', problem: `expected ${FORMS}; a plain \${ is written $\${` }
}

/**
 * The value with its references replaced. With a secret inside, the whole is a Secret.
 * @throws FettleError SECRET_MISSING; NOT_FOUND for a store that the scope lacks
 */
export function resolveReferences(text: string, scope: Scope): string | Secret {
  const found = references(text)
  let resolved = ''
  let behind = 0
  for (const reference of found) {
    resolved += unescaped(text.slice(behind, reference.start)) + meant(reference, scope)
    behind = reference.end
  }
  resolved += unescaped(text.slice(behind))
  return found.some(({ kind }) => kind === 'secret') ? new Secret(resolved) : resolved
}

/** The variables of a service or command, each resolved. Errors as in `resolveReferences`. */
export function resolveEnvironment(env: Record<string, string | number | boolean>, scope: Scope): Environment {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, resolveReferences(String(value), scope)]))
}

/**
 * A command line with its references replaced. What replaces them must mean itself to a shell, quoted or not.
 * @throws FettleError UNSUPPORTED when a path has spaces or signs that a shell would read; NOT_FOUND; REFUSED for a secret
 */
export function resolveCommand(text: string, scope: Scope): string {
  let resolved = text
  for (const reference of references(text, 'command').reverse()) {
    if (reference.kind === 'secret')
      throw new FettleError('REFUSED', `${reference.written} would stand in the list of processes`, {
        hint: 'Put it into `env` and use the variable in the command.',
      })
    const value = meant(reference, scope)
    if (!/^[\w/.:@%+,=-]+$/.test(value))
      throw new FettleError('UNSUPPORTED', `${reference.written} is ${JSON.stringify(value)}, which a shell would take apart`, {
        hint: `Put ${reference.written} into \`env\` and use the variable, in double quotes, in the command.`,
      })
    resolved = resolved.slice(0, reference.start) + value + resolved.slice(reference.end)
  }
  return resolved
}

const unescaped = (text: string): string => text.replaceAll('$${', '${')

function meant(reference: Reference, scope: Scope): string {
  switch (reference.kind) {
    case 'store': {
      const path = Object.hasOwn(scope.stores, reference.name) ? scope.stores[reference.name] : undefined
      if (path !== undefined) return path
      throw new FettleError('NOT_FOUND', `${reference.written}: there is no store ${reference.name}`)
    }
    case 'secret': {
      const secret = Object.hasOwn(scope.secrets, reference.name) ? scope.secrets[reference.name] : undefined
      if (secret !== undefined) return secret.reveal()
      throw new FettleError('SECRET_MISSING', `the secret ${reference.name} has no value in ${scope.environment}`, {
        hint: `Set it: \`fettle secrets set ${reference.name} --env ${scope.environment}\`.`,
        context: { name: reference.name, environment: scope.environment },
      })
    }
    case 'unknown':
      throw new FettleError('NOT_FOUND', `${reference.written} refers to nothing: ${reference.problem}`)
    default:
      return scope[reference.kind]
  }
}
