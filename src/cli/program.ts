/** Placeholder until the command line is merged. */
export interface Io {
  stdin: NodeJS.ReadableStream
  stdout: NodeJS.WritableStream
  stderr: NodeJS.WritableStream
  env: NodeJS.ProcessEnv
  cwd: string
}

export async function main(argv: string[], { stderr }: Io): Promise<number> {
  stderr.write(`fettle: there is no command ${argv[0] ?? ''} yet\n`)
  return 2
}
