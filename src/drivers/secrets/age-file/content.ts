/** What is inside the encrypted file, and the pure changes to it. Versions of a name only grow, also over a removal. */
import * as z from 'zod'
import { FettleError } from '../../../core/errors.ts'
import { type LatestSecret, MOST_SECRET_BYTES, type SecretRef } from '../../../core/secret.ts'

const Version = z.strictObject({
  value: z.string(),
  version: z.int().positive(),
  /** Values before this one are no longer valid anywhere. */
  rotated: z.boolean(),
  /** ISO 8601, when it was set. */
  at: z.iso.datetime(),
})

export const Content = z.strictObject({
  format: z.literal(1),
  secrets: z.record(z.string(), Version),
  /** Earlier versions, oldest first, that releases may still refer to; also those of removed names. */
  history: z.record(z.string(), z.array(Version)),
})

export type Version = z.output<typeof Version>
export type Content = z.output<typeof Content>

export const emptyContent: Content = { format: 1, secrets: {}, history: {} }

/** @throws FettleError USAGE when it is no name of an environment variable */
export function checkName(name: string): void {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) && name !== '__proto__') return
  throw new FettleError('USAGE', `${JSON.stringify(name.slice(0, 40))} can not name a secret`, {
    hint: 'Use letters, digits and _, not starting with a digit, at most 128, such as DATABASE_PASSWORD.',
  })
}

/** @throws FettleError USAGE */
export function checkValue(name: string, value: string, allowEmpty: boolean): void {
  if (value === '' && !allowEmpty) {
    throw new FettleError('USAGE', `the value of ${name} is empty`, { hint: `\`fettle secrets remove ${name}\` forgets it.` })
  }
  const size = Buffer.byteLength(value)
  if (size > MOST_SECRET_BYTES) {
    throw new FettleError('USAGE', `the value of ${name} has ${size} bytes, more than ${MOST_SECRET_BYTES}`, {
      hint: 'Keep large files in a store, and only their key here.',
    })
  }
}

/** All that is known of a name, oldest first. */
export function versionsOf(content: Content, name: string): Version[] {
  const current = own(content.secrets, name)
  const earlier = own(content.history, name) ?? []
  return current === undefined ? earlier : [...earlier, current]
}

/** `constructor` is a name too. */
function own<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

/** The same value again changes nothing, unless it is said to be a rotation. */
export function withSecret(content: Content, name: string, set: { value: string; rotated: boolean; at: string }): Content {
  const current = own(content.secrets, name)
  if (current !== undefined && current.value === set.value && !set.rotated) return content
  const earlier = versionsOf(content, name)
  const version = (earlier.at(-1)?.version ?? 0) + 1
  return {
    ...content,
    secrets: { ...content.secrets, [name]: { ...set, version } },
    history: earlier.length === 0 ? content.history : { ...content.history, [name]: earlier },
  }
}

/** Its versions stay in the history: what runs may be started again, and its next version is a new one. */
export function withoutSecret(content: Content, name: string): Content {
  if (own(content.secrets, name) === undefined) return content
  const { [name]: _, ...secrets } = content.secrets
  return { ...content, secrets, history: { ...content.history, [name]: versionsOf(content, name) } }
}

export function latestOf(content: Content): (LatestSecret & { at: string })[] {
  return Object.keys(content.secrets)
    .sort()
    .flatMap(name => {
      const versions = versionsOf(content, name)
      const current = versions.at(-1)
      const rotated = versions.findLast(version => version.rotated)?.version
      return current === undefined
        ? []
        : [{ name, version: current.version, at: current.at, ...(rotated === undefined ? {} : { rotated }) }]
    })
}

/** Without earlier versions that nothing refers to. */
export function withoutUnused(content: Content, kept: readonly SecretRef[]): Content {
  const used = new Set(kept.map(ref => `${ref.name}@${ref.version}`))
  const history: Content['history'] = {}
  for (const [name, versions] of Object.entries(content.history)) {
    // What later answers depend on stays: the last rotation, and of a removed name the number to go on from.
    const needed = [versions.findLast(version => version.rotated), own(content.secrets, name) ?? versions.at(-1)]
    const left = versions.filter(version => needed.includes(version) || used.has(`${name}@${version.version}`))
    if (left.length > 0) history[name] = left
  }
  const count = (all: Content['history']) => Object.values(all).flat().length
  return count(history) === count(content.history) ? content : { ...content, history }
}
