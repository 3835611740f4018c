/**
 * SQLite databases, through SQLite itself: the online backup API gives a copy of one moment while the app writes, and the fingerprint
 * is of exactly that copy. A live file is never read or written but by SQLite.
 */
import type { Store } from '../../../ports/store.ts'
import { databasePath, SqliteConfig } from './config.ts'
import { changedSince, create, dump, fingerprint, load } from './driver.ts'
import { firstValue } from './query.ts'

export const sqliteStore: Store<SqliteConfig> = {
  driver: 'sqlite',
  config: SqliteConfig,
  equality: 'shared-view',
  path: databasePath,
  create,
  dump,
  load,
  fingerprint,
  changedSince,
  query: (folder, config, sql, timeoutMs) => firstValue(databasePath(folder, config), sql, timeoutMs),
}
