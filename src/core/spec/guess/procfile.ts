/** Procfile: one command a line; `release` prepares the data. Dockerfile: what its container would run. */
import { addService, type Draft, type FolderSketch, MAIN_SERVICE, setMigration } from './draft.ts'

export function fromProcfile({ texts }: FolderSketch, draft: Draft): void {
  for (const [, name = '', command = ''] of (texts.Procfile ?? '').matchAll(/^([A-Za-z0-9_-]+):[ \t]*(\S.*?)[ \t]*$/gm)) {
    if (name === 'release') setMigration(draft, command, '`release` in Procfile')
    else addService(draft, name, command, `\`${name}\` in Procfile`)
  }
}

/** Only where nothing else says how the app starts: a container's command may live in paths that a folder lacks. */
export function fromDockerfile({ texts }: FolderSketch, draft: Draft): void {
  const name = texts.Dockerfile === undefined ? 'Containerfile' : 'Dockerfile'
  const text = texts[name]?.replace(/\\\r?\n/g, ' ')
  if (text === undefined || draft.services.size > 0) return
  const last = (instruction: string): string | undefined =>
    [...text.matchAll(new RegExp(`^${instruction}[ \\t]+(.+)$`, 'gim'))].at(-1)?.[1]?.trim()
  const command = [last('ENTRYPOINT'), last('CMD')].map(commandOf).filter(part => part !== '')
  addService(draft, MAIN_SERVICE, command.join(' '), `${name}; its base image is not used, so its programs must be on the machine`)
  const port = last('EXPOSE')
  if (port !== undefined) draft.reasons.push(`${name} exposes ${port.slice(0, 40)}: under fettle the command must listen on PORT`)
}

/** `["node", "server.js"]` or the words of a shell. */
function commandOf(written = ''): string {
  if (!written.startsWith('[')) return written
  try {
    const words: unknown = JSON.parse(written)
    return Array.isArray(words) && words.every(word => typeof word === 'string') ? words.map(quotedForShell).join(' ') : ''
  } catch {
    // Not JSON: Docker takes it for words of a shell, which it hardly is.
    return ''
  }
}

const quotedForShell = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
