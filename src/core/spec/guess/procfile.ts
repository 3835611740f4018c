/** Procfile: one command a line; `release` prepares the data. */
import { addService, type Draft, type FolderSketch, setMigration } from './draft.ts'

export function fromProcfile({ texts }: FolderSketch, draft: Draft): void {
  for (const [, name = '', command = ''] of (texts.Procfile ?? '').matchAll(/^([A-Za-z0-9_-]+):[ \t]*(\S.*?)[ \t]*$/gm)) {
    if (name === 'release') setMigration(draft, command, '`release` in Procfile')
    else addService(draft, name, command, `\`${name}\` in Procfile`)
  }
}
