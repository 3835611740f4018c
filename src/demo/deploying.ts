/** The acts about releases: one that comes, one that is refused, one that is given back. */
import { formatCount, formatDuration, plural } from '../core/format.ts'
import type { Figures } from './figures.ts'
import { bring, clientsText, done, endOf, followUp, outputOf, type Stage, secondsOf } from './stage.ts'
import type { Terminal } from './terminal.ts'

interface FirstDeploy {
  seconds: number
  /** Of the front. */
  address: string
  /** Why nothing is rehearsed on this machine. */
  noSandbox?: string
}

export async function deployFirst(terminal: Terminal): Promise<FirstDeploy> {
  terminal.act('Deploy', 'A guestbook: two instances of a web service, a worker, SQLite, uploads; one fettle.yaml.')
  const deploy = await done(terminal.operate(['deploy', '--yes'], ['build', 'rehearse-boot', 'start-web', 'smoke', 'switch']))
  const { agent } = await terminal.ask<{ agent: { address: string } }>(['status'])
  terminal.outcome(`From the source to serving, tested before and after: ${formatDuration(1000 * secondsOf(deploy))}.`)
  const first = { address: agent.address, seconds: secondsOf(deploy) }
  if (deploy.plan.steps.some(step => step.id === 'sandbox')) return first
  const [noSandbox = 'no sandbox'] = deploy.plan.lines.filter(({ tone }) => tone === 'warn').map(({ text }) => text)
  terminal.outcome(`This machine can not show all of it: ${noSandbox}.`)
  return { ...first, noSandbox }
}

/** Two entries by one author: v3 will wish that there were not. */
export async function openDoors({ terminal, traffic }: Stage): Promise<void> {
  for (const author of ['Ada', 'Grace', 'Ada']) await traffic.sign({ author, text: `hello from ${author}` })
  traffic.start()
  terminal.watch(() => `${formatCount(traffic.sent)} requests sent, ${formatCount(traffic.lost)} lost`)
  terminal.outcome(
    'Ada, Grace and Ada have signed. From now on ten clients read and write without a pause, on connections that they keep. None ever retries.',
  )
}

export async function upgrade(stage: Stage): Promise<Figures['upgrade']> {
  const { terminal, traffic } = stage
  const before = stage.hasSandbox ? ': first on a restored copy of the real data' : ''
  terminal.act('A new version with a migration, under load', `v2 adds a column and fills it${before}.`)
  await bring(stage, 'v2')
  const mark = traffic.sent
  const shown = ['snapshot', 'rehearse-load', 'rehearse-migrate', 'rehearse-boot', 'rehearse-old', 'migrate', 'switch']
  const deploy = await done(terminal.operate(['deploy', '--yes'], shown))
  const clients = traffic.since(mark)
  const rowsRehearsed = Number(outputOf(deploy, 'rehearse-load').compared ?? 0)
  const reversible = String(outputOf(deploy, 'rehearse-old').reversible ?? 'unproven')
  terminal.outcome(`${clientsText(clients)} while v2 took over.`)
  if (stage.hasSandbox)
    terminal.outcome(`v1 passed its tests on ${formatCount(rowsRehearsed)} rows that v2 had migrated: going back is ${reversible}.`)
  const begun = traffic.sent
  const trial = String(outputOf(await followUp(stage, deploy, ['watch']), 'watch').verdict ?? 'none')
  const { sent, errors } = traffic.since(begun)
  terminal.outcome(`On trial: ${plural(sent, 'request')}, ${plural(errors, 'error')}. It stays.`)
  return { seconds: secondsOf(deploy), clients, rowsRehearsed, reversible, trial, version: await traffic.version() }
}

/** Where nothing is rehearsed it would meet the data itself: then it is not played. */
export async function refuse(stage: Stage): Promise<Figures['refused']> {
  const { terminal, traffic } = stage
  if (!stage.hasSandbox) return undefined
  terminal.act('A migration that works on an empty database only', 'v3 wants every author to sign once. Ada signed twice.')
  await bring(stage, 'v3')
  const mark = traffic.sent
  const deploy = await terminal.operate(['deploy', '--yes'], ['rehearse-load', 'rehearse-migrate'])
  const clients = traffic.since(mark)
  const version = await traffic.version()
  const step = deploy.steps.find(({ error }) => error !== undefined)?.id ?? ''
  terminal.outcome(`Refused on the copy. The data was not touched, version ${version} serves: ${clientsText(clients)}.`)
  return { seconds: secondsOf(deploy), clients, step, reason: deploy.error?.message ?? '', version }
}

export async function giveBack(stage: Stage): Promise<Figures['returned']> {
  const { terminal, traffic } = stage
  terminal.act(
    'A version that passes every test, and breaks in use',
    'v4 fails every third answer, but only after three hundred good ones.',
  )
  await bring(stage, 'v4', stage.hasSandbox ? 'migrations/003-one-entry-a-guest.sql' : undefined)
  const mark = traffic.sent
  const deploy = await done(terminal.operate(['deploy', '--yes'], ['rehearse-boot', 'smoke', 'switch', 'test']))
  const trial = await followUp(stage, deploy, ['watch'])
  // Where the machine is so slow that v4 breaks before the deploy has ended, that sees it in its own last tests.
  const back = trial.plan.kind === 'bake' ? await followUp(stage, trial, ['switch', 'test']) : trial
  const clients = traffic.since(mark)
  const version = await traffic.version()
  const afterMs = endOf(back, 'switch') - (traffic.firstErrorAt ?? endOf(back, 'switch'))
  const why = String(outputOf(trial, 'watch').breach ?? '')
  if (why !== '') terminal.outcome(`Its trial is over: ${why}.`)
  terminal.outcome(`v2 serves again ${formatDuration(afterMs)} after the first of ${plural(clients.errors, 'failed answer')}.`)
  return {
    seconds: secondsOf(deploy),
    clients,
    by: trial === back ? 'the tests on the live route' : 'the bake',
    why,
    afterMs,
    onTrialMs: endOf(back, 'switch') - endOf(deploy, 'switch'),
    version,
  }
}
