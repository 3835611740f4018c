/** What a folder shows, and the file as it comes about while one thing after the other is looked at. */
import { references } from '../references.ts'

export interface FolderSketch {
  name: string
  /** Relative paths, at least of two levels; a folder ends in `/`. */
  files: string[]
  /** Texts of the `tellingFiles`, by path. */
  texts: Record<string, string>
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
  '.env', // for its names only
  '.env.example',
  '.env.sample',
])
const MOST_CODE_FILES = 30

/** The program itself, as far as it lies at the top of the folder. */
export const isCode = (path: string): boolean => /^[^/]+\.([cm]?[jt]s|py|rb)$/.test(path) && !/\.(test|spec|config|d)\./.test(path)

/** Those whose texts the detectors look into. */
export function tellingFiles(files: string[]): string[] {
  return [...files.filter(file => TELLING_FILES.has(file)), ...files.filter(isCode).slice(0, MOST_CODE_FILES)]
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
  build: string[]
  services: Map<string, DraftService>
  migrate?: { command: string; why: string }
  stores: Map<string, { kind: 'sqlite' | 'files'; path: string; why: string }>
  secrets: string[]
  /** For the person: what was found and what was made of it. */
  reasons: string[]
}

export const MAIN_SERVICE = 'web'

/** Lower-case letters, digits and -, as names are in the file. */
export function toIdentifier(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '')
}

/** Neither broken bytes, nor what would be taken for a reference. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const isSound = (command: string): boolean => !/^$|[\0-\x1f\x7f\ufffd]/.test(command) && references(command, 'command').length === 0

export function addService(draft: Draft, name: string, run: string, why: string): void {
  const identifier = toIdentifier(name)
  if (identifier === '' || !isSound(run) || draft.services.has(identifier)) return
  draft.services.set(identifier, { run, why, env: {} })
  draft.reasons.push(`service ${identifier}: \`${run}\`, from ${why}`)
}

export function addBuild(draft: Draft, command: string, why: string): void {
  draft.build.push(command)
  draft.reasons.push(`build: \`${command}\`, because of ${why}`)
}

export function setMigration(draft: Draft, command: string, why: string): void {
  if (draft.migrate !== undefined || !isSound(command)) return
  draft.migrate = { command, why }
  draft.reasons.push(`migration: \`${command}\`, from ${why}; it must be repeatable`)
}
