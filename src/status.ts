/**
 * `fettle status` alone, for `main.ts`: people wait for it most often, and one file with nothing else in it is loaded sooner than
 * the thirty that all commands share. The build makes it one.
 */
import { dispatch } from './cli/dispatch.ts'
import type { Io } from './cli/io.ts'
import { statusEntry } from './cli/status-entry.ts'

export const main = (argv: string[], io: Io): Promise<number> => dispatch(argv, io, { status: statusEntry })
