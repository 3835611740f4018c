/** The acts about data: taken, proven, destroyed, brought back; and the way back to an earlier release. */
import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { EnvironmentStatus } from '../api/views.ts'
import { FettleError } from '../core/errors.ts'
import { formatBytes, formatCount, formatDuration } from '../core/format.ts'
import type { Figures } from './figures.ts'
import { clientsText, done, newestSnapshot, outputOf, type Stage, secondsOf } from './stage.ts'
import type { Terminal } from './terminal.ts'
import type { Entry } from './traffic.ts'

export async function backUp({ terminal, traffic }: Stage): Promise<Figures['backup']> {
  terminal.act(
    'A backup that counts once it was restored',
    'The two writers pause: what comes after a snapshot is not in it. The readers go on.',
  )
  await traffic.stopWriting()
  const backup = await done(terminal.operate(['backup', '--yes'], ['snapshot', 'commit']))
  const { stores, storedBytes } = await newestSnapshot(terminal)
  return { seconds: secondsOf(backup), rows: stores.reduce((sum, store) => sum + store.rows, 0), storedBytes }
}

export async function drill({ terminal }: Stage): Promise<Figures['drill']> {
  const drilled = await done(terminal.operate(['drill', '--yes'], ['verify', 'load', 'expect', 'boot']))
  const compared = Number(outputOf(drilled, 'load').compared ?? 0)
  const { rung, storedBytes } = await newestSnapshot(terminal)
  const booted = rung === 'booted' ? ', and the app ran on them, cut off from the world' : ''
  terminal.outcome(`${formatCount(compared)} rows out of ${formatBytes(storedBytes)}, encrypted: restored and compared${booted}.`)
  return { seconds: secondsOf(drilled), compared, rung }
}

export async function loseAndRestore(stage: Stage): Promise<Figures['restore']> {
  const { terminal, traffic } = stage
  terminal.act('An accident', 'The processes hold the deleted file open, so nothing looks wrong yet: the worst kind.')
  await destroyDatabase(stage)
  const mark = traffic.sent
  const restore = await done(terminal.operate(['restore', '--yes'], ['load', 'start-web', 'hold', 'stop-old', 'switch']))
  const clients = traffic.since(mark)
  const acknowledged = traffic.acknowledged.size
  const rowsLost = missingEntries(await databasePath(terminal), traffic.acknowledged)
  terminal.outcome(`Of ${formatCount(acknowledged)} entries that were ever acknowledged, ${formatCount(rowsLost)} are lost.`)
  terminal.outcome(`${clientsText(clients)}; the one that waited longest waited ${formatDuration(clients.maxMs)}.`)
  traffic.startWriting()
  return { seconds: secondsOf(restore), clients, acknowledged, rowsLost }
}

export async function rollBack({ terminal, traffic, hasSandbox }: Stage): Promise<Figures['rollback']> {
  const proved = hasSandbox ? ': that v1 can live with it was proved' : ''
  terminal.act('Second thoughts', `Back to v1, with the configuration and the secrets it had. The data stays${proved}.`)
  const mark = traffic.sent
  const rollback = await done(terminal.operate(['rollback', '--yes'], ['start-web', 'smoke', 'switch', 'test']))
  const clients = traffic.since(mark)
  const version = await traffic.version()
  terminal.outcome(`Version ${version} serves. ${clientsText(clients)}.`)
  return { seconds: secondsOf(rollback), clients, version }
}

async function destroyDatabase({ terminal, place }: Stage): Promise<void> {
  const path = await databasePath(terminal)
  terminal.typed(`rm ${relative(place.project, path)}*`)
  const doomed = (await readdir(dirname(path))).filter(name => name.startsWith(basename(path)))
  await Promise.all(doomed.map(name => rm(join(dirname(path), name))))
}

async function databasePath(terminal: Terminal): Promise<string> {
  const { environments } = await terminal.ask<{ environments: EnvironmentStatus[] }>(['status'])
  const path = environments[0]?.stores.find(store => store.name === 'data')?.path
  if (path === undefined) throw new FettleError('NOT_FOUND', 'the status names no store data')
  return path
}

/** How many entries that the app had acknowledged are not in the database as they were sent. */
function missingEntries(path: string, acknowledged: ReadonlyMap<number, Entry>): number {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const find = database.prepare('select count(*) as found from entries where id = ? and author = ? and text = ?')
    return [...acknowledged].filter(([id, { author, text }]) => find.get(id, author, text)?.found !== 1).length
  } finally {
    database.close()
  }
}
