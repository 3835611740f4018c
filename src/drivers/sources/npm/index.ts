/**
 * A published package as a source: a small package of one's own that depends on exactly that version, as if somebody had written
 * it in a folder. npm installs it as the first build command, a unit of the runtime that outlives the agent.
 */
import { hash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { writeFileAtomic } from '../../../lib/files.ts'
import { findProgram } from '../../../lib/programs.ts'
import { removeTree } from '../../../lib/remove-tree.ts'
import type { Source } from '../../../ports/source.ts'

/** Install scripts of strangers do not run: see README.md. */
const INSTALL = 'npm install --ignore-scripts --omit=dev --no-audit --no-fund'

/** https://docs.npmjs.com/cli/configuring-npm/package-json#name, and an exact version of https://semver.org. */
const SPEC =
  /^(?<name>(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)@(?<version>\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$/

/** @param spec name and exact version, such as `verdaccio@6.1.0` @throws FettleError SPEC_INVALID */
export function npmSource(spec: string): Source {
  const manifest = manifestOf(spec)
  const digest = hash('sha256', manifest)
  return {
    build: [INSTALL],
    look: () => Promise.resolve({ digest, databases: [] }),
    async fetch(into, signal) {
      signal.throwIfAborted()
      await requireNpm()
      await removeTree(into)
      await mkdir(into, { recursive: true })
      await writeFileAtomic(join(into, 'package.json'), manifest)
      return { digest, files: 1, bytes: Buffer.byteLength(manifest), description: `npm package ${spec}` }
    },
  }
}

function manifestOf(spec: string): string {
  const { name, version } = SPEC.exec(spec)?.groups ?? {}
  if (name === undefined || version === undefined || name.length > 214) {
    throw new FettleError('SPEC_INVALID', `${JSON.stringify(spec)} is no npm package with an exact version`, {
      hint: 'Write source: { npm: "verdaccio@6.1.0" }. A range or a tag would be another program tomorrow.',
    })
  }
  return `${JSON.stringify({ name: 'app', version: '1.0.0', private: true, dependencies: { [name]: version } }, undefined, 2)}\n`
}

async function requireNpm(): Promise<void> {
  if ((await findProgram('npm')) !== undefined) return
  throw new FettleError('UNSUPPORTED', 'there is no npm in PATH, which installs the package', {
    hint: 'Install Node with its npm, or use source: . with the package in a folder.',
  })
}
