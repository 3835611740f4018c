/** What a folder shows, and the file as it comes about while one thing after the other is looked at. */
import { references } from '../references.ts'
import { identifier as identifierOfFile, variableName } from '../scalars.ts'
import { onLoopback } from './loopback.ts'
import { workspaceManifests } from './workspaces.ts'

export interface FolderSketch {
  name: string
  /** Relative paths, at least of two levels; a folder ends in `/`. */
  files: string[]
  /** Texts of the `tellingFiles` and of those `deeperFiles` that are there, by path. */
  texts: Record<string, string>
  /** Version of the Node that comes first in the PATH of all that is run. */
  nodeVersion?: string
}

const TELLING_FILES = new Set([
  'package.json',
  'Procfile',
  'Dockerfile',
  'Containerfile',
  'Gemfile',
  'requirements.txt',
  'pyproject.toml',
  'go.mod',
  'compose.yaml',
  'compose.yml',
  'docker-compose.yaml',
  'docker-compose.yml',
  'Cargo.toml',
  'pnpm-workspace.yaml',
  'config/database.yml',
  '.env', // for its names only
  '.env.example',
  '.env.sample',
])
const MOST_CODE_FILES = 30

/** The program itself, as far as it lies at the top of the folder. */
export const isCode = (path: string): boolean => /^[^/]+\.([cm]?[jt]s|py|rb)$/.test(path) && !/\.(test|spec|config|d)\./.test(path)

export const codeOf = ({ texts }: FolderSketch): string =>
  Object.keys(texts)
    .filter(isCode)
    .map(name => texts[name])
    .join('\n')

/** Those whose texts the detectors look into. */
export function tellingFiles(files: string[]): string[] {
  const isTelling = (file: string) => TELLING_FILES.has(file) || /^[^/]+\/settings\.py$/.test(file)
  return [...files.filter(isTelling), ...files.filter(isCode).slice(0, MOST_CODE_FILES)]
}

/** Below the levels that are listed, once the telling files are read: looked into where they are there. */
export function deeperFiles(sketch: Pick<FolderSketch, 'files' | 'texts'>): string[] {
  const settings = sketch.files.filter(file => /^[^/]+\/settings\/$/.test(file))
  return [
    ...workspaceManifests(sketch),
    ...settings.flatMap(folder => ['production.py', 'prod.py', 'base.py', '__init__.py'].map(name => folder + name)),
  ]
}

export interface DraftService {
  run: string
  /** Where the command was found: a comment in the file. */
  why: string
  env: Record<string, string>
  ready?: string
}

export interface Draft {
  app: string
  /** The command, its tools called where the build puts them. */
  withTools: (command: string) => string
  build: string[]
  services: Map<string, DraftService>
  migrate?: { command: string; why: string }
  stores: Map<string, { kind: 'sqlite' | 'files'; path: string; why: string }>
  secrets: string[]
  /** Names that the app's container was given: it reads them, whether or not their values are of use. */
  variables: string[]
  /** For the person: what was found and what was made of it. */
  reasons: string[]
}

export const MAIN_SERVICE = 'web'

/** Lower-case letters, digits and -, as names are in the file; letters with marks without those. */
export function toIdentifier(text: string): string {
  const name = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '')
  return identifierOfFile.safeParse(name).success ? name : ''
}

export const isVariable = (name: string): boolean => variableName.safeParse(name).success

/** Neither broken bytes, nor what would be taken for a reference. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const isSound = (command: string): boolean => !/^$|[\0-\x1f\x7f\ufffd]/.test(command) && references(command, 'command').length === 0

export const isTaken = (draft: Draft, name: string): boolean => draft.services.has(toIdentifier(name))

const NOT_SOUND = 'it is empty, no text, or has what fettle takes for a reference'

/** @param written a command, or a line that is none */
export const leftOut = (written: string, why: string, reason: string): string =>
  `\`${written.slice(0, 100)}\`, from ${why}, is left out: ${reason}`

function whyNot(draft: Draft, identifier: string, command: string): string | undefined {
  if (identifier === '') return 'its name has no letter that a name may have'
  if (!isSound(command)) return NOT_SOUND
  return draft.services.has(identifier) ? `there is a service ${identifier} before it` : undefined
}

export function addService(draft: Draft, name: string, written: string, why: string): void {
  const identifier = toIdentifier(name)
  const reason = whyNot(draft, identifier, written)
  if (reason !== undefined) {
    draft.reasons.push(leftOut(written, why, reason))
    return
  }
  const run = onLoopback(draft.withTools(written))
  const isMoved = onLoopback(written) !== written
  draft.services.set(identifier, { run, why, env: {} })
  draft.reasons.push(
    `service ${identifier}: \`${run}\`, from ${why}${isMoved ? '; on 127.0.0.1 only, or it would answer past the front' : ''}`,
  )
}

export function addBuild(draft: Draft, command: string, why: string): void {
  draft.build.push(command)
  draft.reasons.push(`build: \`${command}\`, because of ${why}`)
}

export function addSecret(draft: Draft, services: Iterable<DraftService>, name: string): void {
  if (!draft.secrets.includes(name)) draft.secrets.push(name)
  for (const service of services) service.env[name] = `\${secrets.${name}}`
}

export function setMigration(draft: Draft, written: string, why: string): void {
  if (draft.migrate !== undefined || !isSound(written)) {
    draft.reasons.push(leftOut(written, why, draft.migrate === undefined ? NOT_SOUND : 'there is a migration before it'))
    return
  }
  const command = draft.withTools(written)
  draft.migrate = { command, why }
  draft.reasons.push(`migration: \`${command}\`, from ${why}; it must be repeatable`)
}
