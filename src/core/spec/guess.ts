/**
 * A first `fettle.yaml` from what lies in a folder, with what was guessed and why. Pure: reading the folder is the caller's.
 * What is closest to running wins: Procfile, package.json, Python, Ruby, Go, Rust, and compose file and
 * Dockerfile only where nothing else tells.
 */
import { withTools } from './guess/commands.ts'
import { fromComposeCommands, sayCompose } from './guess/compose.ts'
import { fromData, fromHealthPath } from './guess/data.ts'
import { fromDockerfile } from './guess/dockerfile.ts'
import { type Draft, type FolderSketch, toIdentifier } from './guess/draft.ts'
import { fromGo } from './guess/go.ts'
import { fromPackageJson, manifestOf } from './guess/node.ts'
import { fromProcfile } from './guess/procfile.ts'
import { fromPython, fromRuby } from './guess/python-ruby.ts'
import { fromRust } from './guess/rust.ts'
import { draftText } from './guess/text.ts'
import { sayUnrun } from './guess/unrun.ts'

export interface Guess {
  /** Of a fettle.yaml that validates. Holds names of secrets, never values. */
  text: string
  /** One sentence each: what was found and what was made of it. */
  reasons: string[]
  /** Names of the services; none: there is nothing to run yet. */
  services: string[]
}

const DETECTORS = [
  fromProcfile,
  fromPackageJson,
  fromPython,
  fromRuby,
  fromGo,
  fromRust,
  fromComposeCommands,
  fromDockerfile,
  fromHealthPath,
  fromData,
  sayUnrun,
]

export function guessSpec(sketch: FolderSketch): Guess {
  const name = manifestOf(sketch)?.name?.replace(/^@[^/]*\//, '') ?? sketch.name
  const draft: Draft = {
    withTools: command => withTools(command, sketch),
    app: toIdentifier(name) || toIdentifier(sketch.name) || 'app',
    build: [],
    services: new Map(),
    stores: new Map(),
    secrets: [],
    variables: [],
    reasons: [],
  }
  for (const look of DETECTORS) look(sketch, draft)
  draft.reasons.push(
    sketch.files.includes('.fettleignore')
      ? 'source: this folder without what .fettleignore names'
      : `source: this folder without what .gitignore names${sketch.files.includes('.gitignore') ? '' : ' (there is none: all of it)'}; a .fettleignore would decide instead`,
  )
  sayCompose(sketch, draft)
  const others = sketch.files.filter(file => /^fettle\.(yml|json|toml)$/.test(file))
  draft.reasons.push(...others.map(file => `${file} stays as it is and is not read: fettle reads fettle.yaml`))
  return { text: draftText(draft), reasons: draft.reasons, services: [...draft.services.keys()] }
}
