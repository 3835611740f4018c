/** `npm run bench [-- --only NAME]`: every figure that fettle promises, beside its target. How to read it: docs/testing.md. */
import { parseArgs } from 'node:util'
import { benchDeploy } from './deploy.ts'
import { benchDeploys } from './deploys.ts'
import { benchFilesStore } from './files-store.ts'
import { benchIdle } from './idle.ts'
import { benchProxy, benchReturn } from './proxy.ts'
import { benchRestart } from './restart.ts'
import { atLeast, atMost, failed, none, type Row, shown, skipped } from './row.ts'
import { benchStart } from './start.ts'
import { benchIdlePosts, benchSwitch } from './switch.ts'

/** 12,000 requests a second through the front where the instance itself gives 52,000. */
const PROXY_SHARE = 12 / 52

const benches: Record<string, () => Promise<Row[]>> = {
  start: () => benchStart(),
  deploys: () => benchDeploys(),
  switch: switchRows,
  idlePosts: idlePostRows,
  deploy: () => benchDeploy(),
  restart: () => benchRestart(),
  idle: benchIdle,
  proxy: proxyRows,
  return: returnRows,
  files: filesRows,
}

async function switchRows(): Promise<Row[]> {
  const { commits, keepAlive, lowRatePosts, newConnections, stale, commitMs } = await benchSwitch()
  const sent = keepAlive.sent + lowRatePosts.sent + newConnections.sent
  return [
    none(`lost over ${commits} switches: keep-alive clients that never retry`, keepAlive.lost, keepAlive.sent),
    none('  POSTs at a low rate', lowRatePosts.lost, lowRatePosts.sent),
    none('  new connections', newConnections.lost, newConnections.sent),
    none('  answers of the old release after the commit', stale, sent),
    atMost(`  the commit itself (worst ${commitMs.worst.toFixed(0)} ms)`, commitMs.median, 25, 'ms'),
  ]
}

async function idlePostRows(): Promise<Row[]> {
  const { front, direct } = await benchIdlePosts()
  return [
    none('POSTs lost as the app closes idle connections', front.lost, front.sent),
    shown('  beside it: without the front', `${direct.lost} of ${direct.sent.toLocaleString('en')}`),
  ]
}

async function proxyRows(): Promise<Row[]> {
  const what = 'front, 64 connections, 1 KB: share of what the instance alone gives'
  const figures = await benchProxy()
  if (figures === undefined) return [skipped(what, 'wrk is missing: apt-get install wrk')]
  const rates = [figures.front, figures.direct].map(({ requestsPerSecond }) => Math.round(requestsPerSecond).toLocaleString('en'))
  return [atLeast(`${what} (${rates.join(' of ')} a second)`, figures.ratio, PROXY_SHARE, '×')]
}

async function returnRows(): Promise<Row[]> {
  const { medianMs, worstMs } = await benchReturn()
  return [shown('an instance listens again → its waiting request is answered', `${medianMs.toFixed(1)} ms, worst ${worstMs.toFixed(1)} ms`)]
}

async function filesRows(): Promise<Row[]> {
  const { files, megabytes, firstToTar, unchangedMs, unchangedGrowth, changedGrowth } = await benchFilesStore()
  return [
    atMost(`files store, ${files.toLocaleString('en')} files of ${megabytes} MB, first: by tar | zstd -3`, firstToTar, 1.5, '×'),
    atMost('  unchanged', unchangedMs, 1000, 'ms'),
    none('  unchanged: growth, bytes in a thousand', Math.round(unchangedGrowth * 1000), 1000),
    atMost('  1 % of the files changed: growth', changedGrowth * 100, 10, '%'),
  ]
}

function print(rows: Row[]): void {
  const columns = (['what', 'figure', 'target', 'ratio', 'verdict'] as const).map(name => {
    const cells = [name, ...rows.map(row => row[name])]
    return { name, width: Math.max(...cells.map(cell => cell.length)) }
  })
  const line = (row: Record<(typeof columns)[number]['name'], string>) =>
    columns
      .map(({ name, width }) => row[name].padEnd(width))
      .join('  ')
      .trimEnd()
  console.log(line({ what: 'what', figure: 'figure', target: 'target', ratio: 'ratio', verdict: 'verdict' }))
  for (const row of rows) console.log(line(row))
}

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } })
const wanted = values.only ?? Object.keys(benches)
const rows: Row[] = []
for (const name of wanted) {
  const bench = benches[name]
  if (bench === undefined) throw new Error(`there is no bench ${name}: ${Object.keys(benches).join(', ')}`)
  console.error(`${name} …`)
  rows.push(...(await bench().catch((error: Error) => [failed(name, error)])))
}
print(rows)
