/** Looks at a folder and writes the file that probably fits, with what was guessed and why. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

export interface Guess {
  /** Text of a fettle.yaml that validates. */
  text: string
  /** What was found, and what was made of it. */
  reasons: string[]
}

export async function guessFile(folder: string): Promise<Guess> {
  const names = new Set(await readdir(folder))
  const manifest = names.has('package.json') ? (JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { name?: string }) : {}
  const app =
    (manifest.name ?? basename(folder))
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^[^a-z]+/, '')
      .slice(0, 40) || 'app'
  return {
    text: `app: ${app}\nsource: .\nservices:\n  web:\n    run: npm start\nroutes:\n  - { host: ${app}.localhost, to: web }\n`,
    reasons: [],
  }
}
