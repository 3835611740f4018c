import { join } from 'node:path'
import * as z from 'zod'

/** An absolute folder is somebody else's: its live folder is `/`, and in a scratch folder it has the same path below that. */
export const FilesConfig = z.strictObject({ folder: z.string().min(1) })
export type FilesConfig = z.output<typeof FilesConfig>

export const rootPath = (folder: string, config: FilesConfig): string => join(folder, config.folder)
