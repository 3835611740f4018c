/** Makes the agent return after a reboot. */
import { FettleError } from '../../core/errors.ts'

export function createBoot() {
  const fail = async (): Promise<string> => {
    throw new FettleError('UNSUPPORTED', 'neither systemd nor cron is here')
  }
  return { state: async () => undefined, enable: fail, disable: fail }
}
