/**
 * The requirements page: which demand is shown by which test. Demands are in test/requirements/requirements.txt, their commands in
 * commands.ts beside it; a test shows a demand by carrying its id in its title: `[rm3-04] …`.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commands } from '../test/requirements/commands.ts'
import { allTests, filesOf } from './test-files.ts'

export interface Requirement {
  id: string
  what: string
  /** The installation that asks for it. */
  group: string
}

/** A test's title that carries at least one id. */
export interface Claim {
  file: string
  title: string
  ids: string[]
}

export interface Requirements {
  requirements: Requirement[]
  claims: Claim[]
}

const ID = /\[([a-z0-9]+-\d\d)\]/g
/** A title as test(…), it(…), t.test(…), describe(…) have it: tests that are skipped or to do claim nothing. */
const TITLE = /\b(?:test|it|describe|suite)(?:\.only)?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g

export const idsIn = (title: string): string[] => [...title.matchAll(ID)].map(match => match[1] ?? '')

export function claimsIn(file: string, source: string): Claim[] {
  const titles = [...source.matchAll(TITLE)].map(match => (match[2] ?? '').replace(/\\(.)/g, '$1'))
  return titles.map(title => ({ file, title, ids: idsIn(title) })).filter(({ ids }) => ids.length > 0)
}

/** Lines of `id<TAB>what`, under lines `# group`. */
export function parseRequirements(text: string): Requirement[] {
  let group = ''
  const requirements: Requirement[] = []
  for (const line of text.split('\n')) {
    const [id, what] = line.split('\t')
    if (line.startsWith('# ')) group = line.slice(2)
    else if (id !== undefined && what !== undefined) requirements.push({ id, what, group })
  }
  return requirements
}

export const shownIds = (claims: readonly Claim[]): string[] => [...new Set(claims.flatMap(({ ids }) => ids))].sort()

/** Ids that titles claim, but that no test that passed carried, itself or by a suite around it. */
export function unprovenIds(claims: readonly Claim[], passedTitles: readonly string[]): string[] {
  const passed = new Set(passedTitles.flatMap(idsIn))
  return shownIds(claims).filter(id => !passed.has(id))
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function row({ id, what }: Requirement, claims: readonly Claim[]): string {
  const showing = claims.filter(({ ids }) => ids.includes(id))
  const tests = showing.map(({ file, title }) => `${cell(title.replace(ID, '').trim())} ([${file}](../${file}))`)
  const command = commands[id] === undefined ? '' : `\`${cell(commands[id])}\``
  return `| ${id} | ${cell(what)} | ${command} | ${tests.join('<br>')} | ${showing.length > 0 ? 'shown' : 'not yet'} |`
}

export function renderPage({ requirements, claims }: Requirements): string {
  const shown = new Set(shownIds(claims))
  const sections = [...new Set(requirements.map(({ group }) => group))].map(group => {
    const rows = requirements.filter(requirement => requirement.group === group).map(requirement => row(requirement, claims))
    return `## ${group}\n\n| id | what | command | test | |\n|---|---|---|---|---|\n${rows.join('\n')}\n`
  })
  const summary = `${requirements.filter(({ id }) => shown.has(id)).length} of ${requirements.length} are shown by a test that carries their id.`
  return `# Requirements\n\nMade by \`npm run requirements\`; do not edit. ${summary}\n\n${sections.join('\n')}`
}

export async function readRequirements(home: string): Promise<Requirements> {
  const files = (await filesOf(allTests, home)).filter(file => !file.startsWith('scripts/')) // they show our tools, not fettle
  const claims = await Promise.all(files.map(async file => claimsIn(file, await readFile(join(home, file), 'utf8'))))
  return {
    requirements: parseRequirements(await readFile(join(home, 'test/requirements/requirements.txt'), 'utf8')),
    claims: claims.flat(),
  }
}
