/** The command line in process, with every command. */
import { commands } from './cli/commands.ts'
import { dispatch } from './cli/dispatch.ts'
import type { Io } from './cli/io.ts'

export const main = (argv: string[], io: Io): Promise<number> => dispatch(argv, io, commands)
