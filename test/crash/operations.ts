/** The operations that are swept. Each starts from what the one before left, and can be repeated for ever. */
import type { OperationRequest, Sickness, Site } from './site.ts'

export interface Wanted {
  request: OperationRequest
  /** Version that serves when it is done. */
  version: number
}

export interface SweptOperation {
  name: string
  prepare(site: Site): Promise<Wanted>
  /** `undone`: it fails on purpose, and the way back is swept. */
  ends: 'done' | 'undone'
  /** Data goes back: what was written since is lost, as far as it announces. */
  losesData?: true
  /** Requests are refused from then on. */
  stops?: true
  /** Brings back, once it is done, what the next operation starts from. */
  after?: (site: Site) => OperationRequest
}

const deploy = async (site: Site, sick?: Sickness): Promise<Wanted> => {
  const version = await site.nextSource(sick)
  return { request: { kind: 'deploy', file: site.file }, version }
}

/** To the newest release that does not serve. */
async function rollback(site: Site): Promise<Wanted> {
  const { release: serving } = await site.table()
  const release = (await site.releases()).find(name => name !== serving) ?? ''
  return { request: { kind: 'rollback', file: site.file, release }, version: site.versions.get(release) ?? 0 }
}

const same = (request: (site: Site) => OperationRequest) => async (site: Site) => ({ request: request(site), version: site.version })

const restart = ({ file }: Site): OperationRequest => ({ kind: 'restart', file })
const scaleTo =
  (web: number) =>
  ({ file }: Site): OperationRequest => ({ kind: 'scale', file, instances: { web } })

/** From one instance: mostly an operation of its own before. */
async function scaleUp(site: Site): Promise<Wanted> {
  const web = (await site.status())?.services.find(({ name }) => name === 'web')
  if (web?.group?.wanted !== 1) await site.mustDo(scaleTo(1)(site))
  return { request: scaleTo(2)(site), version: site.version }
}

export const sweptOperations: SweptOperation[] = [
  { name: 'deploy', prepare: deploy, ends: 'done' },
  { name: 'rollback', prepare: rollback, ends: 'done' },
  { name: 'backup', prepare: same(({ file }) => ({ kind: 'backup', file })), ends: 'done' },
  { name: 'drill', prepare: same(({ file }) => ({ kind: 'drill', file })), ends: 'done' },
  { name: 'restore', prepare: same(({ file }) => ({ kind: 'restore', file, snapshot: 'newest' })), ends: 'done', losesData: true },
  { name: 'deploy-failing', prepare: site => deploy(site, 'beat'), ends: 'undone' },
  { name: 'restart', prepare: same(restart), ends: 'done' },
  { name: 'scale-down', prepare: same(scaleTo(1)), ends: 'done', after: scaleTo(2) },
  { name: 'scale-up', prepare: scaleUp, ends: 'done' },
  { name: 'stop', prepare: same(({ file }) => ({ kind: 'stop', file })), ends: 'done', stops: true, after: restart },
]
