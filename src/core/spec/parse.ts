/** `fettle.yaml` → spec of one environment, or every problem of every environment at once. */
import { FettleError } from '../errors.ts'
import { nearestName } from '../nearest.ts'
import { sharedAddresses } from './addresses.ts'
import { checkSpec } from './checks.ts'
import { describeIssues, type LocatedFinding } from './issues.ts'
import { type EnvironmentTree, environmentTrees } from './overlay.ts'
import { type Finding, type Problem, quoted, toProblems } from './problem.ts'
import { renderProblems } from './problem-text.ts'
import { parseOnce, type Spec } from './schema.ts'
import { soundRest } from './sound-rest.ts'
import { type Branch, nearestAt, toPlain } from './tree.ts'
import { readYaml } from './yaml-tree.ts'

export const SPEC_FORMAT = 1
/** Environments × values of the file: about a tenth of a second. */
const MOST_VALUES = 100_000

export interface ParsedSpec {
  /** Of the environment asked for, its overlay applied; `environments` in it is empty. */
  spec: Spec
  /** The one asked for; else `production`, else the first of the file. */
  environment: string
  environments: string[]
  /** What is sound and may still not be meant. */
  warnings: Problem[]
}

/**
 * All environments are validated, whichever is asked for.
 * @param options.file how messages name the file
 * @throws FettleError SPEC_INVALID with `context.problems: Problem[]` and, where they are not all, `context.more`; NOT_FOUND for an unknown environment
 */
export function parseSpec(text: string, options: { file: string; environment?: string }): ParsedSpec {
  const source = text.startsWith('\u{feff}') ? text.slice(1) : text
  const { tree, findings } = readYaml(source)
  const unreadable = tree === undefined ? findings : versionFindings(tree)
  if (tree === undefined || unreadable.length > 0) throw unread(unreadable, source, options.file)
  const specs = validateEnvironments(tree, source, findings)
  if (findings.length > 0) throw invalid(findings, source, options.file)

  const environments = [...specs.keys()]
  const environment = options.environment ?? (environments.includes('production') ? 'production' : (environments[0] ?? ''))
  const spec = specs.get(environment)
  if (spec === undefined) throw unknownEnvironment(environment, environments, options.file)
  return { spec, environment, environments, warnings: toProblems(sharedAddresses(specs, tree), source, options.file).problems }
}

function validateEnvironments(file: Branch, source: string, findings: Finding[]): Map<string, Spec> {
  const { base, environments } = environmentTrees(file, findings)
  const specs = new Map<string, Spec>()
  if (environments.length * file.size > MOST_VALUES) {
    findings.push({ at: file.entries.get('environments')?.key ?? file.at, message: 'too many environments for a file of this size' })
    return specs
  }
  const validated = new Map<Branch, Validated>()
  const validateOnce = (tree: Branch): Validated => {
    const known = validated.get(tree) ?? validate(tree, source)
    validated.set(tree, known)
    return known
  }
  for (const environment of environments) {
    const { spec, findings: found } = validateOnce(environment.tree)
    if (spec !== undefined) specs.set(environment.name, spec)
    if (found.length > 0) findings.push(...causes(environment, found, () => validateOnce(base).findings))
  }
  return specs
}

/** What the rest of the file shows only with this overlay is the overlay's mistake, and told there. */
function causes({ name, overlay }: EnvironmentTree, found: LocatedFinding[], ofBase: () => LocatedFinding[]): Finding[] {
  if (overlay === undefined) return found
  const keyOf = ({ at, message }: Finding): string => `${at.start} ${message}`
  const shared = new Set(ofBase().map(keyOf))
  return found.map(finding => {
    // A list is replaced as a whole.
    const index = finding.path.findIndex(step => typeof step === 'number')
    const steps = index < 0 ? finding.path : finding.path.slice(0, index)
    const isOwn = steps.length > 0 && nearestAt(overlay, steps).isExact
    if (isOwn || shared.has(keyOf(finding))) return finding
    return { ...finding, at: overlay.key ?? overlay.at, breaks: { environment: name, at: finding.at } }
  })
}

interface Validated {
  /** Undefined when it is not valid by itself; of one that contradicts itself it is there. */
  spec?: Spec
  findings: LocatedFinding[]
}

function validate(tree: Branch, source: string): Validated {
  const result = parseOnce(toPlain(tree))
  if (result.success) return { spec: result.data, findings: checkSpec({ spec: result.data, tree }, tree, source) }
  const described = describeIssues(result.error.issues, tree)
  const rest = soundRest(tree, described)
  return { findings: rest === undefined ? described : [...described, ...checkSpec(rest, tree, source)] }
}

/** A file for a newer fettle: what else looks wrong in it may be right there. */
function versionFindings(tree: Branch): Finding[] {
  const version = tree.entries.get('fettle')
  const isNewer = version?.kind === 'leaf' && typeof version.value === 'number' && version.value > SPEC_FORMAT
  if (!isNewer) return []
  return [{ at: version.at, message: `the file has format ${version.written}; this fettle reads format ${SPEC_FORMAT}: upgrade fettle` }]
}

const invalid = (findings: Finding[], source: string, file: string): FettleError =>
  unread(findings, source, file, '`fettle schema` prints every key that the file may have.')

/** What is wrong lies before any key: a list of keys would not help. */
function unread(findings: Finding[], source: string, file: string, hint?: string): FettleError {
  const { problems, more } = toProblems(findings, source, file)
  const told = more === 0 ? '' : `\n… and ${more} more`
  return new FettleError('SPEC_INVALID', renderProblems(problems, source) + told, {
    ...(hint === undefined ? {} : { hint }),
    context: { problems, ...(more === 0 ? {} : { more }) },
  })
}

function unknownEnvironment(name: string, environments: string[], file: string): FettleError {
  const nearest = nearestName(name, environments)
  const question = nearest === undefined ? '' : `; did you mean ${JSON.stringify(nearest)}?`
  return new FettleError('NOT_FOUND', `${file} has no environment ${quoted(name)}${question}`, {
    hint: `It has: ${environments.join(', ')}.`,
    context: { environments, nearest },
  })
}
