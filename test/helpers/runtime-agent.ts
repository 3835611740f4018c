/** An agent of its own process: does one thing with a process runtime, and kills itself at the point it was told. */
import { createProcessRuntime } from '../../src/drivers/runtimes/process/index.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { command, group, never } from './process-runtime.ts'

export type Deed = 'apply' | 'run' | 'stop' | 'remove' | 'scale' | 'open-sandbox' | 'close-sandbox'

const [, , home = '', deed, point] = process.argv
const runtime = createProcessRuntime({
  home,
  clock: systemClock,
  ports: { from: 20_000, to: 20_999 },
  fault: reached => {
    if (reached === point) process.kill(process.pid, 'SIGKILL')
  },
})
await runtime.open()

const deeds: Record<Deed, () => Promise<unknown>> = {
  apply: () => runtime.apply(group({ instances: 2, cwd: home }), never),
  scale: () => runtime.apply(group({ instances: 1, cwd: home }), never),
  run: () => runtime.run(command(['sh', '-c', 'echo x >>runs; sleep 0.3; echo done; exit 9'], { cwd: home }), never),
  stop: () => runtime.stop('web', never),
  remove: () => runtime.remove('web', never),
  'open-sandbox': () => runtime.openSandbox('drill', { hide: [], write: [], copy: [] }, never),
  'close-sandbox': () => runtime.closeSandbox('drill'),
}
await deeds[deed as Deed]()
await runtime.close()
process.exit(0)
