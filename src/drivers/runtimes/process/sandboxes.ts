/**
 * Places with no way out: a network namespace in which only loopback works, and a mount namespace in which the hidden folders are
 * covered. A *holder* keeps them (a command unit, so it survives the agent); apps enter with nsenter from their launch script, while
 * their shims stay outside, where the units' folders are. A *relay* in the sandbox's network, outside its mounts, leads unix sockets
 * to the apps' ports and takes their mail.
 */
import { FettleError } from '../../../core/errors.ts'
import type { Backend, Sandbox } from '../../../ports/runtime.ts'
import type { Place } from './definition.ts'

export class Sandboxes {
  place(name: string): Place {
    throw new FettleError('UNSUPPORTED', `no sandbox ${name}`)
  }
  async reach(_name: string, _host: string, _port: number): Promise<Backend> {
    throw new FettleError('UNSUPPORTED', 'no')
  }
  async open(): Promise<void> {}
  async openSandbox(): Promise<Sandbox> {
    throw new FettleError('UNSUPPORTED', 'no')
  }
}
