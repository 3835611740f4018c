/** `fettle.yaml` → spec of one environment, or every problem of every environment at once. */
import { FettleError } from '../errors.ts'
import { nearestName } from '../nearest.ts'
import { sharedAddresses } from './addresses.ts'
import { checkSpec } from './checks.ts'
import { describeIssues, type LocatedFinding } from './issues.ts'
import { environmentTrees } from './overlay.ts'
import { type Finding, type Problem, quoted, toProblems } from './problem.ts'
import { renderProblems } from './problem-text.ts'
import { Spec } from './schema.ts'
import { type Branch, toPlain, without } from './tree.ts'
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
 * @throws FettleError SPEC_INVALID with `context.problems: Problem[]`; NOT_FOUND for an unknown environment
 */
export function parseSpec(text: string, options: { file: string; environment?: string }): ParsedSpec {
  const source = text.startsWith('\u{feff}') ? text.slice(1) : text
  const { tree, findings } = readYaml(source)
  if (tree === undefined) throw unread(findings, source, options.file)
  findings.push(...versionFindings(tree))
  if (findings.length > 0) throw unread(findings, source, options.file)
  const specs = validateEnvironments(tree, source, findings)
  if (findings.length > 0) throw invalid(findings, source, options.file)

  const environments = [...specs.keys()]
  const environment = options.environment ?? (environments.includes('production') ? 'production' : (environments[0] ?? ''))
  const spec = specs.get(environment)
  if (spec === undefined) throw unknownEnvironment(environment, environments, options.file)
  return { spec, environment, environments, warnings: toProblems(sharedAddresses(specs, tree), source, options.file) }
}

function validateEnvironments(tree: Branch, source: string, findings: Finding[]): Map<string, Spec> {
  const trees = environmentTrees(tree, findings)
  const specs = new Map<string, Spec>()
  const validated = new Map<Branch, Spec | undefined>()
  if (trees.size * tree.size > MOST_VALUES) {
    findings.push({ at: tree.entries.get('environments')?.key ?? tree.at, message: 'too many environments for a file of this size' })
    return specs
  }
  for (const [name, merged] of trees) {
    // Environments that differ in nothing have the same tree.
    if (!validated.has(merged)) validated.set(merged, validate(merged, source, findings))
    const spec = validated.get(merged)
    if (spec !== undefined) specs.set(name, spec)
  }
  return specs
}

/** Without zod's generated code: it pays only after many parses, and a command line makes one. */
const parseOnce = (tree: Branch) => Spec.safeParse(toPlain(tree), { jitless: true })

function validate(tree: Branch, source: string, findings: Finding[]): Spec | undefined {
  const result = parseOnce(tree)
  if (result.success) {
    findings.push(...checkSpec(result.data, tree, source))
    return result.data
  }
  const described = describeIssues(result.error.issues, tree)
  findings.push(...described)
  const rest = soundRest(tree, described)
  if (rest !== undefined) findings.push(...checkSpec(rest, tree, source))
  return undefined
}

/** The spec without what was condemned, so that one look shows the problems of the rest too. */
function soundRest(tree: Branch, condemned: LocatedFinding[]): Spec | undefined {
  const left = condemned.map(({ path }) => path).reduce(without, tree)
  const result = parseOnce(left)
  if (result.success) return result.data
  // Taking a part away may leave its parent incomplete; each round goes at least one level up.
  return left === tree ? undefined : soundRest(left, describeIssues(result.error.issues, left))
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
  const problems: Problem[] = toProblems(findings, source, file)
  return new FettleError('SPEC_INVALID', renderProblems(problems, source), {
    ...(hint === undefined ? {} : { hint }),
    context: { problems },
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
