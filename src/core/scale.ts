/** How many instances run: as the file says, or as `fettle scale` said over it, for as long as that counts. */
import { plural } from './format.ts'
import type { Service, Spec } from './spec/schema.ts'

export interface Scaled {
  instances: number
  /** What the file said when it was scaled. Where an earlier fettle did not note it, it counts until it is scaled again. */
  file?: number | undefined
  /** Number of the release whose file said something else. It counts for those before, which a rollback brings back as they ran. */
  endedBy?: number | undefined
}

/** By service. */
export type Scale = Readonly<Record<string, Scaled>>

/** What of a release decides on its instances. */
interface Numbered {
  number: number
  spec: Pick<Spec, 'services'>
}

/** What stands over the file for this service of the release. */
export function inForce(scale: Scale, { number, spec }: Numbered, name: string): Scaled | undefined {
  const scaled = scale[name]
  const service: Service | undefined = spec.services[name]
  if (scaled === undefined || service === undefined || service.singleton) return undefined
  const { file = service.instances, endedBy = Number.POSITIVE_INFINITY } = scaled
  return file === service.instances && number < endedBy ? scaled : undefined
}

export const wantedInstances = (release: Numbered, scale: Scale): Record<string, number> =>
  Object.fromEntries(
    Object.entries(release.spec.services).map(([name, service]) => [
      name,
      service.singleton ? 1 : (inForce(scale, release, name)?.instances ?? service.instances),
    ]),
  )

/** Scaled anew. To what the file says is nothing that would stand over it. */
export function scaledTo(scale: Scale, { spec }: Numbered, wanted: Readonly<Record<string, number>>): Scale {
  const said = (name: string) => spec.services[name]?.instances
  const others = Object.entries(scale).filter(([name]) => wanted[name] === undefined)
  const anew = Object.entries(wanted).filter(([name, instances]) => instances !== said(name))
  return Object.fromEntries([...others, ...anew.map(([name, instances]) => [name, { instances, file: said(name) }] as const)])
}

/** What is left of it once this release serves: what its file says otherwise, or no more, ends. */
export const scaleAfter = (scale: Scale, next: Numbered): Scale =>
  Object.fromEntries(
    Object.entries(scale).map(([name, scaled]) => {
      const isOver = scaled.endedBy === undefined && inForce(scale, next, name) === undefined
      return [name, isOver ? { ...scaled, endedBy: next.number } : scaled]
    }),
  )

/** @param file what the file says */
export const scaledText = (name: string, instances: number, file: number): string =>
  `${name}: ${plural(instances, 'instance')} by fettle scale, the file says ${file}`

/** What to tell of it where this release serves, or is to: where it stands over the file, and where it does so no more. */
export function scaleTexts(scale: Scale, next: Numbered, serving?: Numbered): string[] {
  return Object.entries(next.spec.services).flatMap(([name, { instances }]): string[] => {
    const stays = inForce(scale, next, name)
    if (stays !== undefined) return [scaledText(name, stays.instances, instances)]
    const ends = serving && inForce(scale, serving, name)
    // Another number in the file that comes to the same as what ran changes nothing.
    return ends === undefined || ends.instances === instances
      ? []
      : [`${name}: ${plural(ends.instances, 'instance')} by fettle scale → ${instances}, as the file says`]
  })
}
