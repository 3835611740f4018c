import { join } from 'node:path'
import { isBelow } from './moved-path.ts'
import { commandLines } from './proc-files.ts'

const FOLDERS = ['units', 'front']

/** The pid of a process that was started from a home and still runs: what runs services, commands and the front names their folders. */
export const startedFrom = (home: string): number | undefined =>
  commandLines().find(({ words }) => words.some(word => FOLDERS.some(folder => isBelow(word, join(home, folder)))))?.pid
