/** The secrets of an environment, as `fettle secrets` sees and changes them; a value only ever comes in. */
import type { SecretsView } from '../api/views.ts'
import { FettleError } from '../core/errors.ts'
import { nearestName } from '../core/nearest.ts'
import { Secret } from '../core/secret.ts'
import { isSpoken, neededSecrets, spokenNames } from '../core/spec/derived.ts'
import { readProject, type TargetRequest } from '../operations/target.ts'
import type { World } from '../operations/world.ts'
import type { Handlers } from './server.ts'

export function secretHandlers(world: World): Pick<Handlers, 'secrets' | 'setSecret' | 'removeSecret'> {
  const open = async (target: TargetRequest) => {
    const { spec, environment, environments, folder } = await readProject(target)
    const names = spokenNames(spec, environments)
    const store = world.secrets(spec.app, environment, folder, async () => names)
    const needed = neededSecrets(spec)
    const list = async (): Promise<SecretsView> => {
      const present = await store.list()
      const secrets = present.map(({ name, version, at }) => ({
        name,
        version,
        setAt: Date.parse(at),
        external: spec.secrets[name]?.external ?? false,
        declared: needed.includes(name),
      }))
      return { secrets, needed }
    }
    return { store, list, environment, names }
  }
  return {
    secrets: async target => (await open(target)).list(),
    async setSecret({ name, value, rotated, ...target }) {
      if (value.includes('\0'))
        throw new FettleError('USAGE', `the value of ${name} holds a zero byte, which no environment of a process can`)
      const { store, list, names } = await open(target)
      await store.set(name, new Secret(value), { rotated })
      return { ...(await list()), isName: isSpoken(names, value) }
    },
    async removeSecret({ name, ...target }) {
      const { store, list, environment } = await open(target)
      const isThere = await store.remove(name)
      const left = await list()
      if (isThere) return left
      throw noSuchSecret(
        name,
        left.secrets.map(secret => secret.name),
        environment,
      )
    },
  }
}

function noSuchSecret(name: string, names: string[], environment: string): FettleError {
  const nearest = nearestName(name, names)
  return new FettleError('NOT_FOUND', `${environment} has no secret ${name}`, {
    hint: nearest === undefined ? `It has: ${names.join(', ') || 'none'}.` : `Did you mean ${nearest}?`,
  })
}
