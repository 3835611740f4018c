import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runtimeConformance } from '../../../../test/conformance/runtime.ts'
import { systemClock } from '../../../lib/clock.ts'
import { createProcessRuntime } from './index.ts'

const script = (code: string, ...args: string[]) => [process.execPath, '-e', code, ...args]

runtimeConformance('process', async () => {
  const home = await mkdtemp(join(tmpdir(), 'fettle-process-'))
  return {
    cwd: home,
    async open() {
      const runtime = createProcessRuntime({ home, clock: systemClock, ports: { from: 20_000, to: 20_999 } })
      await runtime.open()
      return runtime
    },
    programs: {
      serve: status => script(`require('node:http').createServer((_, a) => a.writeHead(${status}).end()).listen(process.env.PORT)`),
      print: (text, code) => ['sh', '-c', 'printf "%s\\n" "$0"; exit "$1"', text, String(code)],
      printVariable: name => ['printenv', name],
      copy: ['cat'],
      wait: ['sleep', '1000'],
    },
    dispose: () => rm(home, { recursive: true }),
  }
})
