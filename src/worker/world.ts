/** What a data task is handed: drivers by name, time, and where to show progress. */
import type { RepositoryConfig, StoreAt } from '../core/data-tasks.ts'
import { FettleError } from '../core/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Repository } from '../ports/repository.ts'
import type { Sink, Source, Store } from '../ports/store.ts'

export interface TaskWorld {
  stores: ReadonlyMap<string, Store>
  openRepository(config: RepositoryConfig): Promise<Repository>
  clock: Clock
  progress: Progress
}

export interface Progress {
  stage(text: string): void
  add(bytes: number): void
}

/** The driver of a store, and its configuration as the driver reads it. @throws UNSUPPORTED, SPEC_INVALID */
export function openStore({ stores }: Pick<TaskWorld, 'stores'>, { name, driver, config }: StoreAt): { store: Store; config: unknown } {
  const store = stores.get(driver)
  if (store === undefined)
    throw new FettleError('UNSUPPORTED', `store ${name}: there is no driver ${driver}`, {
      hint: `There are: ${[...stores.keys()].join(', ')}.`,
    })
  try {
    return { store, config: store.config.parse(config) }
  } catch (cause) {
    throw new FettleError('SPEC_INVALID', `store ${name}: its configuration is none that ${driver} takes`, { cause })
  }
}

export function countedSink(sink: Sink, progress: Progress): Sink {
  return { write: (content, payload) => sink.write(content, counted(payload, progress)) }
}

export function countedSource(source: Source, progress: Progress): Source {
  return { read: object => counted(source.read(object), progress) }
}

async function* counted<Piece extends Uint8Array>(payload: AsyncIterable<Piece>, progress: Progress): AsyncGenerator<Piece> {
  for await (const piece of payload) {
    progress.add(piece.length)
    yield piece
  }
}
