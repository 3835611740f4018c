import { join } from 'node:path'
import * as z from 'zod'

/** The entry in the file: `{ files: uploads }`. An absolute path is somebody else's: its live folder is `/`, and in a scratch folder it has the same path below that. */
export const FilesConfig = z.strictObject({ files: z.string().min(1) })
export type FilesConfig = z.output<typeof FilesConfig>

export const rootPath = (folder: string, config: FilesConfig): string => join(folder, config.files)
