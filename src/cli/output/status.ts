/** What runs, how it is, and what is wrong: one block an environment. */
import type { About, EnvironmentStatus, ServiceStatus } from '../../api/views.ts'
import { formatBytes, formatCount, formatDuration, plural } from '../../core/format.ts'
import { scaledText } from '../../core/scale.ts'
import type { InstanceState } from '../../ports/runtime.ts'
import type { Style } from './style.ts'
import { table } from './table.ts'
import { formatAge, formatSpan } from './time.ts'
import { printable } from './width.ts'

export function statusLines(about: About, environments: EnvironmentStatus[], now: number, style: Style): string[] {
  const blocks = environments.flatMap(environment => [...environmentLines(environment, now, style), ''])
  if (environments.length === 0)
    blocks.push('Nothing was deployed yet.', `${style.cyan('→')} \`fettle up\` deploys the app of this folder.`, '')
  return [...blocks, ...agentLines(about, now, style)]
}

function environmentLines(status: EnvironmentStatus, now: number, style: Style): string[] {
  const release = status.release === undefined ? '' : ` ${style.dim('·')} ${status.release}`
  const deployed = status.deployedAt === undefined ? '' : style.dim(`, deployed ${formatAge(status.deployedAt, now)}`)
  const inner = { ...style, columns: style.columns - 2 }
  const facts: [string, string][] = [
    [
      'trial',
      status.trialUntil !== undefined && status.trialUntil > now ? style.yellow(`${formatDuration(status.trialUntil - now)} left`) : '',
    ],
    ['scale', scaleText(status)],
    ['traffic', trafficText(status)],
    ['backup', backupText(status, now, style)],
    ['operation', status.operation === undefined ? '' : operationText(status.operation, style)],
  ]
  return [
    `${stateGlyph(status.state, style)} ${style.bold(`${status.app}/${status.environment}`)}  ${stateWord(status.state, style)}${release}${deployed}`,
    ...(status.why === undefined ? [] : [`  ${style.yellow(printable(status.why))}`]),
    ...status.urls.map(url => `  ${style.cyan(url)}`),
    ...indent(serviceTable(status.services, now, inner)),
    ...indent(storeTable(status, inner)),
    ...facts.filter(([, text]) => text !== '').map(([name, text]) => `  ${style.dim(name.padEnd(10))}${text}`),
  ]
}

const indent = (lines: string[]): string[] => (lines.length === 0 ? [] : lines.map(line => `  ${line}`))

function stateGlyph(state: EnvironmentStatus['state'], style: Style): string {
  if (state === 'up') return style.green('●')
  if (state === 'degraded') return style.yellow('◐')
  return state === 'down' ? style.red('●') : style.dim('○')
}

function stateWord(state: EnvironmentStatus['state'], style: Style): string {
  return state === 'up'
    ? style.green(state)
    : state === 'degraded'
      ? style.yellow(state)
      : state === 'down'
        ? style.red(state)
        : style.dim(state)
}

function serviceTable(services: ServiceStatus[], now: number, style: Style): string[] {
  const rows = services.flatMap(service => {
    const instances: (InstanceState | undefined)[] = service.group?.instances ?? []
    return (instances.length === 0 ? [undefined] : instances).map(instance => ({ service, instance }))
  })
  if (rows.length === 0) return []
  return table(
    rows,
    [
      {
        title: 'SERVICE',
        value: ({ service, instance }) => `${service.name}${instance === undefined ? '' : style.dim(`.${instance.index}`)}`,
      },
      { title: 'STATE', value: ({ instance }) => instanceState(instance, style) },
      { title: 'PID', value: ({ instance }) => String(instance?.pid ?? ''), right: true },
      { title: 'UP', value: ({ instance }) => uptime(instance, now), right: true },
      { title: 'RESTARTS', value: ({ instance }) => restarts(instance, style), right: true },
      { title: 'MEMORY', value: ({ service, instance }) => memoryText(service, instance), right: true },
      { title: 'LAST END', value: ({ instance }) => instance?.lastExit ?? '' },
    ],
    style,
  )
}

function instanceState(instance: InstanceState | undefined, style: Style): string {
  const state = instance?.state ?? 'stopped'
  if (state === 'ready') return style.green(state)
  if (state === 'unready' || state === 'backoff') return style.red(state)
  return state === 'starting' || state === 'stopping' ? style.yellow(state) : style.dim(state)
}

const uptime = (instance: InstanceState | undefined, now: number): string =>
  instance?.startedAt === undefined || instance.state === 'stopped' ? '' : formatSpan(now - instance.startedAt) || '0 s'

const restarts = (instance: InstanceState | undefined, style: Style): string =>
  instance === undefined ? '' : instance.restarts === 0 ? '0' : style.yellow(formatCount(instance.restarts))

function memoryText({ memory }: ServiceStatus, instance: InstanceState | undefined): string {
  if (instance?.memoryBytes === undefined) return ''
  const limit =
    memory.limitBytes === undefined ? '' : ` of ${formatBytes(memory.limitBytes)}${memory.enforced === 'polled' ? ' (polled)' : ''}`
  return `${formatBytes(instance.memoryBytes)}${limit}`
}

function storeTable({ stores }: EnvironmentStatus, style: Style): string[] {
  if (stores.length === 0) return []
  return table(
    stores,
    [
      { title: 'STORE', value: store => store.name },
      { title: 'KIND', value: store => store.driver },
      { title: 'SIZE', value: store => (store.bytes === undefined ? '' : formatBytes(store.bytes)), right: true },
      { title: 'PATH', value: store => store.path },
    ],
    style,
  )
}

const scaleText = ({ services }: EnvironmentStatus): string =>
  services.flatMap(({ name, scaled }) => (scaled === undefined ? [] : scaledText(name, scaled.instances, scaled.file))).join('; ')

function trafficText({ counters }: EnvironmentStatus): string {
  if (counters === undefined) return ''
  const { p50, p95, p99 } = counters.latency
  const unanswered = counters.unanswered === 0 ? '' : `, ${counters.unanswered} given up by their clients`
  return `${plural(counters.requests, 'request')}, ${plural(counters.errors, 'error')}${unanswered}, p50 ${formatDuration(p50)}, p95 ${formatDuration(p95)}, p99 ${formatDuration(p99)}`
}

function backupText({ backup }: EnvironmentStatus, now: number, style: Style): string {
  if (backup === undefined) return ''
  if (backup.gone !== undefined) return style.red(printable(backup.gone))
  const damage = backup.unreadable === undefined ? '' : style.red(`${backup.unreadable.join(', ')} can not be read`)
  if (backup.newestAt === undefined)
    return damage !== ''
      ? damage
      : style.yellow(backup.foreign === undefined ? 'never taken' : 'none that opens here: sealed for another key')
  const unproven = style.yellow(backup.provenOnce ? 'none is proven any more' : 'never proven by a restore')
  const proven = backup.provenAt === undefined ? unproven : `proven ${formatAge(backup.provenAt, now)}`
  const rung = backup.failed === undefined ? backup.rung : style.red(`its proof failed: ${printable(backup.failed)}`)
  return `${formatAge(backup.newestAt, now)}${rung === undefined ? '' : ` (${rung})`}, ${proven}${damage === '' ? '' : `, ${damage}`}`
}

const operationText = ({ id, kind, state }: NonNullable<EnvironmentStatus['operation']>, style: Style): string =>
  state === 'held'
    ? `${style.red(`${kind} ${id} is held`)} ${style.cyan('→')} \`fettle operations show ${id}\``
    : `${style.cyan(`${kind} ${id} ${state}`)} ${style.cyan('→')} \`fettle operations follow ${id}\``

function agentLines(about: About, now: number, style: Style): string[] {
  const line = `agent ${about.version}, pid ${about.pid}, up ${formatSpan(now - about.startedAt) || '0 s'}, ${formatBytes(about.memoryBytes)}, ${about.address}`
  const boot = `${style.yellow('⚠')} after a reboot it would not return ${style.cyan('→')} \`fettle agent enable\``
  return [style.dim(line), ...(about.enabled === undefined ? [boot] : [])]
}
