/** A compose file: read for commands that run from this folder, and for what the app leans on beside them. */
import { parse } from 'yaml'
import { giveVariables } from './container.ts'
import { quotedForShell } from './dockerfile.ts'
import { addService, type Draft, type FolderSketch, isTaken, MAIN_SERVICE } from './draft.ts'

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
  /** Another folder that it is built from. */
  builtFrom: string | undefined
}

const LANGUAGE = /^(?:docker\.io\/)?(?:library\/)?(?:node|python|ruby|golang|oven\/bun|denoland\/deno)(?::|$)/

/** A service whose image is a bare language, or is built here, is the app itself: its command is taken like a line of a Procfile. */
export function fromComposeCommands(sketch: FolderSketch, draft: Draft): void {
  const file = fileOf(sketch)
  const services = composeServices(sketch)
  const own = services.filter(({ isOwn, command }) => isOwn && command !== '')
  const main = own.find(({ name }) => name === MAIN_SERVICE) ?? own.find(({ hasPorts }) => hasPorts)
  if (draft.services.size > 0) {
    // What else tells how the app starts goes before it.
    for (const { name, command } of own.filter(service => service !== (main ?? own[0]) && !isTaken(draft, service.name)))
      draft.reasons.push(`\`${name}\` in ${file} is left out: where \`${command.slice(0, 100)}\` must run too, add it under \`services:\``)
    return
  }
  for (const service of own) {
    const before = draft.services.size
    addService(draft, service === main ? MAIN_SERVICE : service.name, service.command, `\`${service.name}\` in ${file}`)
    const added = [...draft.services.values()].slice(before)
    giveVariables(draft, added, service.variables, { from: `\`${service.name}\` of ${file}`, hosts: services.map(({ name }) => name) })
  }
}

/** Every service of it is in the draft, or is told with the reason why not. */
export function sayCompose(sketch: FolderSketch, draft: Draft): void {
  const name = fileOf(sketch)
  if (name === undefined) return
  const broken = whyUnreadable(sketch)
  if (broken !== undefined) {
    draft.reasons.push(`${name} can not be read: ${broken}; mend it and look again`)
    return
  }
  const services = composeServices(sketch)
  if (services.length === 0) draft.reasons.push(`${name} is not taken over: what it starts beside the app is yours to run`)
  sayElsewhere(name, services, draft)
  const own = services.filter(({ isOwn }) => isOwn)
  const silent = own.filter(
    service => service.command === '' && (draft.services.size === 0 || (own[0] !== service && !isTaken(draft, service.name))),
  )
  if (silent.length > 0)
    draft.reasons.push(`${name} builds ${silent.map(service => service.name).join(', ')} here and does not say what they run`)
  const kept = own.flatMap(service => service.kept).filter(source => !draft.stores.has(basename(source)))
  if (kept.length > 0)
    draft.reasons.push(
      `${name} keeps ${[...new Set(kept)].join(', ').slice(0, 200)}: declare what must outlive a release under \`stores:\`; until then what the app writes there is lost with every deploy`,
    )
}

function sayElsewhere(file: string, services: ComposeService[], draft: Draft): void {
  for (const { name, builtFrom } of services)
    if (builtFrom !== undefined)
      draft.reasons.push(
        `\`${name}\` in ${file} is left out: it is built from ${builtFrom}, not from this folder${isFolder(builtFrom) ? `; as an app of its own, \`fettle init ${builtFrom}\`` : ''}`,
      )
  const others = services.filter(({ isOwn, builtFrom }) => !isOwn && builtFrom === undefined)
  const images = [...new Set(others.flatMap(({ image }) => (image === undefined ? [] : [image.slice(0, 100)])))]
  if (images.length > 0)
    draft.reasons.push(`${file} starts ${images.join(', ')}: fettle leaves that to you; hand the app its address as a variable or a secret`)
  for (const { name, image } of others)
    if (image === undefined)
      draft.reasons.push(`\`${name}\` in ${file} is left out: it has neither a build nor an image that is known here`)
}

/** And no address of a repository. */
const isFolder = (context: string): boolean => /^[\w./-]+$/.test(context)

const fileOf = ({ files }: FolderSketch): string | undefined => files.find(file => /^(docker-)?compose\.ya?ml$/.test(file))

function whyUnreadable(sketch: FolderSketch): string | undefined {
  try {
    servicesIn(sketch)
    return undefined
  } catch (error) {
    return (error as Error).message.split('\n')[0]?.replace(/:$/, '')
  }
}

/** None of a file that can not be read: that is said. */
const composeServices = (sketch: FolderSketch): ComposeService[] => (whyUnreadable(sketch) === undefined ? servicesIn(sketch) : [])

function servicesIn(sketch: FolderSketch): ComposeService[] {
  const { services } = mapOf(parse(textOf(sketch), { merge: true, logLevel: 'error' }))
  return Object.entries(mapOf(services)).map(([name, service]) => composeService(name, mapOf(service), sketch))
}

const textOf = (sketch: FolderSketch): string => sketch.texts[fileOf(sketch) ?? ''] ?? ''

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
    builtFrom: service.build !== undefined && !isBuiltHere ? String(context).slice(0, 100) : undefined,
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
