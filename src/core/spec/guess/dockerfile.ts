/** A Dockerfile: what its container would run, with the variables it would have. What has no counterpart here is said. */
import { giveVariables } from './container.ts'
import { addService, type Draft, type FolderSketch, MAIN_SERVICE } from './draft.ts'

type Instruction = [keyword: string, rest: string]

/** The command only where nothing else says how the app starts: a container's may live in paths that a folder lacks. */
export function fromDockerfile({ texts }: FolderSketch, draft: Draft): void {
  const name = texts.Dockerfile === undefined ? 'Containerfile' : 'Dockerfile'
  const text = texts[name]
  if (text === undefined) return
  const stage = finalStage(text)
  const last = (keyword: string): string | undefined => stage.findLast(([word]) => word === keyword)?.[1]
  if (draft.services.size === 0) startFrom(name, last, draft)
  const variables = stage.flatMap(([word, rest]) => (word === 'ENV' ? assignments(rest) : []))
  giveVariables(draft, [...draft.services.values()], variables, { from: name, hosts: [] })
  for (const [, volume] of stage.filter(([word]) => word === 'VOLUME'))
    draft.reasons.push(
      `${name} has VOLUME ${shown(volume)}: declare what must outlive a release under \`stores:\`; until then what the app writes there is lost with every deploy`,
    )
  const check = last('HEALTHCHECK')
  if (check !== undefined && !/^NONE$/i.test(check)) readyFrom(name, check, draft)
}

function startFrom(name: string, last: (keyword: string) => string | undefined, draft: Draft): void {
  const command = [last('ENTRYPOINT'), last('CMD')].map(commandOf).filter(part => part !== '')
  addService(draft, MAIN_SERVICE, command.join(' '), `${name}; its base image is not used, so its programs must be on the machine`)
  if (draft.services.size === 0)
    draft.reasons.push(
      `${name} has no command that can be read: what its base image (${shown(last('FROM') ?? '')}) starts is not known here`,
    )
  const [port, folder, user] = [last('EXPOSE'), last('WORKDIR'), last('USER')]
  if (port !== undefined) draft.reasons.push(`${name} exposes ${shown(port)}: under fettle the command must listen on PORT`)
  if (folder !== undefined) draft.reasons.push(`${name} has WORKDIR ${shown(folder)}: here the command runs at the top of the release`)
  if (user !== undefined) draft.reasons.push(`${name} has USER ${shown(user)}: here the command runs as the user of the agent`)
}

function readyFrom(name: string, check: string, draft: Draft): void {
  const path = /https?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::[\w${}-]+)?(\/[\w./-]+)/.exec(check)?.[1]
  const service = draft.services.get(MAIN_SERVICE)
  if (path === undefined || service === undefined) {
    draft.reasons.push(`${name} has a HEALTHCHECK, which is not taken over: \`ready:\` of a service says when it is well`)
    return
  }
  service.ready = path
  draft.reasons.push(`ready when ${path} answers: the HEALTHCHECK in ${name} asks for it`)
}

/** Of the last stage, after those of the stages that it is made from. */
function finalStage(text: string): Instruction[] {
  const stages = new Map<string, Instruction[]>()
  let stage: Instruction[] = []
  for (const [keyword, rest] of instructions(text)) {
    if (keyword === 'FROM') {
      const [, image = '', name] = /^(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(rest) ?? []
      stage = [...(stages.get(image.toLowerCase()) ?? [])]
      stages.set((name ?? String(stages.size)).toLowerCase(), stage)
    }
    stage.push([keyword, rest])
  }
  return stage
}

const instructions = (text: string): Instruction[] =>
  [
    ...text
      .replace(/^[ \t]*#.*(\r?\n|$)/gm, '')
      .replace(/[ \t]*\\\r?\n\s*/g, ' ')
      .matchAll(/^[ \t]*([A-Za-z]+)[ \t]+(.+?)[ \t\r]*$/gm),
  ].map(([, keyword = '', rest = '']) => [keyword.toUpperCase(), rest])

/** `A=b C="d e"`, or the old form `A everything behind it`. */
function assignments(rest: string): [name: string, value: string][] {
  const old = /^(\w+)[ \t]+([^\s=].*)$/.exec(rest)
  if (old !== null) return [[old[1] ?? '', old[2] ?? '']]
  return [...rest.matchAll(/(\w+)=((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])*)/g)].map(([, name = '', value = '']) => [
    name,
    value.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_all, double: string | undefined, single: string | undefined, plain: string) =>
      double === undefined ? (single ?? plain) : double.replace(/\\(.)/g, '$1'),
    ),
  ])
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

export const quotedForShell = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

const shown = (text: string): string => text.slice(0, 40)
