/** The command line as a process of its own, for tests at a real terminal. */
import { main } from '../../src/cli.ts'

const { stdin, stdout, stderr, env } = process
process.exitCode = await main(process.argv.slice(2), { stdin, stdout, stderr, env, cwd: process.cwd() })
