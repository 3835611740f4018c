/** Procfile: one command a line; `release` prepares the data. */
import { addService, type Draft, type FolderSketch, leftOut, setMigration } from './draft.ts'

const NO_ENTRY = 'it is not `name: command`, with a name of letters, digits, - and _'

export function fromProcfile({ texts }: FolderSketch, draft: Draft): void {
  for (const line of (texts.Procfile ?? '').split('\n').map(written => written.trim())) {
    const [, name, command = ''] = /^([A-Za-z0-9_-]+):\s*(\S.*)$/.exec(line) ?? []
    if (name === 'release') setMigration(draft, command, '`release` in Procfile')
    else if (name !== undefined) addService(draft, name, command, `\`${name}\` in Procfile`)
    else if (line !== '' && !line.startsWith('#')) draft.reasons.push(leftOut(line, 'Procfile', NO_ENTRY))
  }
}
