/**
 * The files store: 20,200 files of 502 MB, three quarters of them text, the rest incompressible, dumped by the data worker as a process of its own (start included,
 * encrypted, fingerprinted, fsynced), beside `tar | zstd -3` on the same tree in the same round.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DataTask, TaskResult } from '../src/core/data-tasks.ts'
import { createDirectoryRepository } from '../src/drivers/repositories/directory/index.ts'
import { generateIdentity, recipientOf } from '../src/lib/age.ts'
import { programPath } from '../src/lib/program-path.ts'
import type { Manifest } from '../src/ports/repository.ts'

export interface FilesFigures {
  files: number
  megabytes: number
  /** Milliseconds, medians over the rounds. */
  tarMs: number
  firstMs: number
  unchangedMs: number
  changedMs: number
  /** Medians of each round's own ratio. */
  firstToTar: number
  /** Stored bytes that the dump of the unchanged tree and of the tree with 1 % changed added, as shares of the first. */
  unchangedGrowth: number
  changedGrowth: number
}

const SMALL_FILES = 20_000
const LARGE_FILES = 200
/** Old enough not to be read again for having been written within two seconds of the dump. */
const WRITTEN_AT = 1_700_000_000

/** @param worker argv that starts the data worker, e.g. that of a build */
export async function benchFilesStore(rounds = 5, worker = [process.execPath, programPath('worker')]): Promise<FilesFigures> {
  const base = mkdtempSync(join(tmpdir(), 'fettle-bench-'))
  try {
    const tree = join(base, 'tree')
    const bytes = makeTree(tree)
    const recipient = await recipientOf(await generateIdentity())
    const measured: RoundFigures[] = []
    for (let round = 0; round < rounds; round++) measured.push(await measureRound(base, tree, recipient, worker, round))
    const median = (pick: (figures: RoundFigures) => number) => measured.map(pick).sort((a, b) => a - b)[measured.length >> 1] as number
    return {
      files: SMALL_FILES + LARGE_FILES,
      megabytes: Math.round(bytes / 1e6),
      tarMs: median(one => one.tarMs),
      firstMs: median(one => one.firstMs),
      unchangedMs: median(one => one.unchangedMs),
      changedMs: median(one => one.changedMs),
      firstToTar: median(one => one.firstMs / one.tarMs),
      unchangedGrowth: median(one => one.unchangedGrowth),
      changedGrowth: median(one => one.changedGrowth),
    }
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
}

interface RoundFigures {
  tarMs: number
  firstMs: number
  unchangedMs: number
  changedMs: number
  unchangedGrowth: number
  changedGrowth: number
}

async function measureRound(base: string, tree: string, recipient: string, worker: string[], round: number): Promise<RoundFigures> {
  const place = join(base, `round${round}`)
  mkdirSync(place)
  const repository = createDirectoryRepository({ folder: join(place, 'repository'), recipients: [recipient] })
  await repository.open()
  let count = 0
  async function snapshot(previous?: Manifest): Promise<{ manifest: Manifest; ms: number }> {
    const operation = `op${++count}`
    const files = { result: join(place, `${operation}.result`), scratch: join(place, 'scratch') }
    const task: DataTask = {
      task: 'snapshot.take',
      ...files,
      operation,
      repository: { driver: 'directory', folder: join(place, 'repository'), recipients: [recipient] },
      stores: [{ name: 'uploads', driver: 'files', config: { files: '.' }, folder: tree }],
      cache: join(place, 'cache'),
      ...(previous === undefined ? {} : { previous }),
    }
    const path = join(place, `${operation}.json`)
    writeFileSync(path, JSON.stringify(task))
    const ms = timed(worker[0] as string, [...worker.slice(1), path])
    const { value } = JSON.parse(readFileSync(files.result, 'utf8')) as { value: TaskResult<'snapshot.take'> }
    const head = { format: 1 as const, id: operation, app: 'bench', environment: 'e', release: '', label: '', fettle: '0', how: [] }
    const manifest = { ...head, takenAt: count, skewMs: value.skewMs, parts: value.parts }
    await repository.commit(operation, manifest)
    return { manifest, ms }
  }
  // A dump has files of the last minute written back before it reads them; what tar left to be written must not count there.
  spawnSync('sync')
  const tarMs = timed('sh', ['-c', 'tar -c -C "$1" . | zstd -3 -q -o "$2"', 'sh', tree, join(place, 'tar.zst')])
  spawnSync('sync')
  const first = await snapshot()
  const unchanged = await snapshot(first.manifest)
  changeOnePercent(tree, round)
  const changed = await snapshot(unchanged.manifest)
  rmSync(place, { recursive: true })
  const [before, same, after] = [first, unchanged, changed].map(one => storedBytes(one.manifest)) as [number, number, number]
  return {
    tarMs,
    firstMs: first.ms,
    unchangedMs: unchanged.ms,
    changedMs: changed.ms,
    unchangedGrowth: (same - before) / before,
    changedGrowth: (after - same) / before,
  }
}

function timed(program: string, args: string[]): number {
  const startedAt = performance.now()
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} exited ${status}`)
  return performance.now() - startedAt
}

const storedBytes = ({ parts }: Manifest): number =>
  parts.flatMap(part => part.objects).reduce((sum, object) => sum + object.storedBytes, 0)

/** The same tree every time: sizes and contents come from a hash of the file's number. */
function makeTree(root: string): number {
  const [text, noise] = [sampleText(64 << 20), sampleNoise(16 << 20)]
  let total = 0
  for (let number = 0; number < SMALL_FILES + LARGE_FILES; number++) {
    const seed = createHash('sha256').update(String(number)).digest()
    const isLarge = number >= SMALL_FILES
    const size = isLarge ? 500_000 + (seed.readUInt32LE(0) % 1_000_000) : 5_000 + (seed.readUInt32LE(0) % 20_200)
    const from = (seed[4] as number) < 192 ? text : noise
    const at = seed.readUInt32LE(8) % (from.length - size)
    const folder = isLarge ? join(root, 'large') : join(root, String(number % 20), String(Math.floor(number / 20) % 50))
    mkdirSync(folder, { recursive: true })
    const path = join(folder, `file-${number}`)
    writeFileSync(path, from.subarray(at, at + size))
    utimesSync(path, WRITTEN_AT, WRITTEN_AT)
    total += size
  }
  return total
}

/** Words drawn by a fixed generator, frequent ones more often, as in prose and source: zstd -3 makes about a third of it. */
function sampleText(size: number): Buffer {
  const words = Array.from({ length: 4_096 }, (_, number) =>
    createHash('sha1')
      .update(`word ${number}`)
      .digest('base64')
      .slice(0, 3 + (number % 8)),
  )
  const text: string[] = []
  let state = 42
  for (let length = 0; length < size; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const word = words[Math.floor((state / 2 ** 32) ** 3 * words.length)] as string
    text.push(word)
    length += word.length + 1
  }
  return Buffer.from(text.join(' ')).subarray(0, size)
}

function sampleNoise(size: number): Buffer {
  const parts: Buffer[] = []
  for (let number = 0; number < size / 64; number++) parts.push(createHash('sha512').update(`noise ${number}`).digest())
  return Buffer.concat(parts)
}

/** A few bytes at the end of every hundredth file. */
function changeOnePercent(root: string, round: number): void {
  for (let number = round; number < SMALL_FILES; number += 100)
    appendFileSync(join(root, String(number % 20), String(Math.floor(number / 20) % 50), `file-${number}`), `changed in round ${round}`)
}

if (process.argv[1] === import.meta.filename) console.log(await benchFilesStore())
