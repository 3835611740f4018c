/** A compose file: read for commands that run from this folder, and for what the app leans on beside them. */
import { parse } from 'yaml'
import { giveVariables } from './container.ts'
import { quotedForShell } from './dockerfile.ts'
import { addService, type Draft, type FolderSketch, MAIN_SERVICE } from './draft.ts'

interface ComposeService {
  name: string
  image: string | undefined
  command: string
  variables: [name: string, value: string][]
  hasPorts: boolean
  /** Folders and volumes that outlive its container, as they are named. */
  kept: string[]
  /** What it runs lies in this folder. */
  isOwn: boolean
}

const LANGUAGE = /^(?:docker\.io\/)?(?:library\/)?(?:node|python|ruby|golang|oven\/bun|denoland\/deno)(?::|$)/

/** A service whose image is a bare language, or is built here, is the app itself: its command is taken like a line of a Procfile. */
export function fromComposeCommands(sketch: FolderSketch, draft: Draft): void {
  if (draft.services.size > 0) return
  const file = fileOf(sketch)
  const services = composeServices(sketch)
  const own = services.filter(({ isOwn, command }) => isOwn && command !== '')
  const main = own.find(({ name }) => name === MAIN_SERVICE) ?? own.find(({ hasPorts }) => hasPorts)
  for (const service of own) {
    const before = draft.services.size
    addService(draft, service === main ? MAIN_SERVICE : service.name, service.command, `\`${service.name}\` in ${file}`)
    const added = [...draft.services.values()].slice(before)
    giveVariables(draft, added, service.variables, { from: `\`${service.name}\` of ${file}`, hosts: services.map(({ name }) => name) })
  }
}

export function sayCompose(sketch: FolderSketch, draft: Draft): void {
  const name = fileOf(sketch)
  if (name === undefined) return
  const services = composeServices(sketch)
  const images = [...new Set(services.flatMap(({ isOwn, image }) => (isOwn || image === undefined ? [] : [image.slice(0, 100)])))]
  if (images.length > 0)
    draft.reasons.push(`${name} starts ${images.join(', ')}: fettle leaves that to you; hand the app its address as a variable or a secret`)
  else if (!services.some(({ isOwn }) => isOwn))
    draft.reasons.push(`${name} is not taken over: what it starts beside the app is yours to run`)
  const kept = services.flatMap(service => (service.isOwn ? service.kept : [])).filter(source => !draft.stores.has(basename(source)))
  if (kept.length > 0)
    draft.reasons.push(
      `${name} keeps ${[...new Set(kept)].join(', ').slice(0, 200)}: declare what must outlive a release under \`stores:\`; until then what the app writes there is lost with every deploy`,
    )
  if (draft.services.size > 0) return
  const silent = services.filter(({ isOwn }) => isOwn).map(service => service.name)
  if (silent.length > 0) draft.reasons.push(`${name} builds ${silent.join(', ')} here and does not say what they run`)
}

const fileOf = ({ files }: FolderSketch): string | undefined => files.find(file => /^(docker-)?compose\.ya?ml$/.test(file))

function composeServices(sketch: FolderSketch): ComposeService[] {
  const text = sketch.texts[fileOf(sketch) ?? '']
  if (text === undefined) return []
  try {
    const { services } = mapOf(parse(text, { merge: true, logLevel: 'silent' }))
    return Object.entries(mapOf(services)).map(([name, service]) => composeService(name, mapOf(service), sketch))
  } catch {
    // Docker can not read it either; that it is there is said.
    return []
  }
}

function composeService(name: string, service: Record<string, unknown>, { files }: FolderSketch): ComposeService {
  const image = typeof service.image === 'string' ? service.image : undefined
  const command = [service.entrypoint, service.command].map(commandOf).filter(Boolean).join(' ')
  const context = typeof service.build === 'string' ? service.build : mapOf(service.build).context
  const isMounted = listOf(service.volumes).some(volume => (typeof volume === 'string' ? /^\.\/?:/ : /^\.\/?$/).test(sourceOf(volume)))
  const namesFile = command.split(/\s+/).some(word => files.includes(word.replace(/^\.\//, '')))
  const isBuiltHere = service.build !== undefined && /^\.?\/?$/.test(typeof context === 'string' ? context : '.')
  return {
    name,
    image,
    command,
    variables: variablesOf(service.environment),
    kept: listOf(service.volumes).flatMap(volume => keptBy(volume) ?? []),
    hasPorts: listOf(service.ports).length > 0,
    isOwn: isBuiltHere || (image !== undefined && LANGUAGE.test(image) && (isMounted || namesFile)),
  }
}

const mapOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const basename = (path: string): string => path.replace(/\/+$/, '').replace(/^.*\//, '')
const sourceOf = (volume: unknown): string => (typeof volume === 'string' ? volume : String(mapOf(volume).source ?? ''))

/** Neither the source itself, nor what the app only reads, nor what its build makes. */
function keptBy(volume: unknown): string | undefined {
  const { type, read_only: isReadOnly, target } = mapOf(volume)
  const [source = '', inside = source, options = ''] =
    typeof volume === 'string' ? volume.split(':') : [sourceOf(volume), String(target ?? '')]
  const isRead = isReadOnly === true || type === 'tmpfs' || options.split(',').includes('ro')
  const isMade = /^\.?\/?$/.test(source) || /\.sock$|(^|\/)(node_modules|\.venv|\.cache|tmp)\/?$/.test(inside)
  return isRead || isMade ? undefined : source
}

/** A list is an argv; compose's own `$$` is a plain `$`. */
function commandOf(command: unknown): string {
  const words = Array.isArray(command) ? command.filter(word => typeof word === 'string') : []
  return (typeof command === 'string' ? command.trim() : words.map(quotedForShell).join(' ')).replaceAll('$$', '$')
}

/** A map, or a list of `NAME=value`. Without a value it is handed on from outside. */
function variablesOf(environment: unknown): [string, string][] {
  const pairs = Array.isArray(environment)
    ? environment.map((line): [string, unknown] => {
        const [name = '', ...value] = String(line).split('=')
        return [name, value.length === 0 ? null : value.join('=')]
      })
    : Object.entries(mapOf(environment))
  return pairs.flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]]))
}
