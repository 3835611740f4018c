/**
 * How an agent is started, wherever that is done. The small young generation is for its memory, which is counted: it saves 8 MB, and
 * an agent makes little garbage.
 */
export const agentArgv = (program: string, home: string): [string, ...string[]] => [
  process.execPath,
  '--max-semi-space-size=1',
  program,
  '--home',
  home,
]
