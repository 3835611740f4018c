import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { proxyConformance } from '../../../../test/conformance/proxy.ts'
import { systemClock } from '../../../lib/clock.ts'
import { createEmbeddedProxy } from './index.ts'

proxyConformance('embedded', async () => {
  const home = await mkdtemp(join(tmpdir(), 'fettle-front-'))
  const proxy = createEmbeddedProxy({ home, listen: { host: '127.0.0.1', port: 0 }, clock: systemClock })
  await proxy.open()
  return {
    proxy,
    stop: async () => {
      await proxy.shutdown()
      await rm(home, { recursive: true })
    },
  }
})
