import { isAbsolute, join } from 'node:path'
import * as z from 'zod'

/** An absolute file is somebody else's database: its live folder is `/`, and in a scratch folder it has the same path below that. */
export const SqliteConfig = z.strictObject({ file: z.string().min(1) })
export type SqliteConfig = z.output<typeof SqliteConfig>

export const databasePath = (folder: string, config: SqliteConfig): string => join(folder, config.file)
export const isExternal = (config: SqliteConfig): boolean => isAbsolute(config.file)
