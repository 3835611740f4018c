/** Two environments never answer to one address: the one deployed last would take the other's requests. */
import { FettleError } from '../core/errors.ts'
import { addressOf, ownRoutes } from '../core/spec/addresses.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Environment } from './environment.ts'
import type { World } from './world.ts'

/** @throws FettleError REFUSED naming who has it; one that is stopped has it still, one that is down has not */
export async function requireOwnAddresses(world: World, { app, environment }: Environment, spec: Spec): Promise<void> {
  const wanted = spec.routes.map(addressOf)
  for (const other of await world.proxy.tables()) {
    if (other.app === app && other.environment === environment) continue
    const taken = other.routes.map(addressOf).find(address => wanted.includes(address))
    if (taken === undefined) continue
    const hint =
      other.app === app
        ? `Give ${environment} a host of its own: ${ownRoutes(environment, spec)}.`
        : `Give ${app} a host of its own in \`routes:\`, or take the other down: \`fettle down ${other.environment} --app ${other.app}\`.`
    throw new FettleError('REFUSED', `${taken} leads to ${other.app}/${other.environment} already`, { hint })
  }
}
