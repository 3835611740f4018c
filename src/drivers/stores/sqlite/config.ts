import { isAbsolute, join } from 'node:path'
import * as z from 'zod'

/** The entry in the file: `{ sqlite: data.db }`. An absolute path is somebody else's database: its live folder is `/`, and in a scratch folder it has the same path below that. */
export const SqliteConfig = z.strictObject({ sqlite: z.string().min(1) })
export type SqliteConfig = z.output<typeof SqliteConfig>

export const databasePath = (folder: string, config: SqliteConfig): string => join(folder, config.sqlite)
export const isExternal = (config: SqliteConfig): boolean => isAbsolute(config.sqlite)
