import { proxyConformance } from '../../../../test/conformance/proxy.ts'
import { systemClock } from '../../../lib/clock.ts'
import { createMemoryProxy } from './index.ts'

proxyConformance('memory', async () => {
  const proxy = createMemoryProxy(systemClock)
  await proxy.open()
  return { proxy, stop: () => proxy.shutdown() }
})
