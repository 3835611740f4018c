import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'

/** Written before the effect they name took place, or after it: where a crash test stops the process. */
export type FaultPoint =
  | 'object-written'
  | 'object-renamed'
  | 'manifest-written'
  | 'manifest-renamed'
  | 'abandon-emptied'
  | 'forget-manifests-removed'
  | 'forget-objects-aside'

/** Of a manifest. */
export const SUFFIX = '.json'
export const PROOFS = '.proofs.ndjson'

const OBJECT = '.zst.age'
const OBJECT_NAME = /^[0-9a-f]{32}$/
/** Operations, snapshots, apps and environments become file names. */
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/

/** Where things lie in the repository's folder. Names come from manifests that somebody else may have written: each is checked. */
export class Layout {
  readonly folder: string
  readonly #owner: string
  constructor(folder: string, owner: string) {
    this.folder = folder
    this.#owner = safe(owner, 'owner')
  }

  get readme(): string {
    return join(this.folder, 'README.txt')
  }
  get mark(): string {
    return join(this.folder, 'repository.json')
  }
  get objects(): string {
    return join(this.folder, 'objects')
  }
  object(name: string): string {
    return join(this.folder, objectPath(name))
  }
  /** An empty file that says: these bytes were read and were not those that were written. */
  damageMark(name: string): string {
    return `${this.object(name)}.damaged`
  }

  /** One folder for each open transaction of each owner, in it an empty file for each object it wrote or was about to write. */
  get pending(): string {
    return join(this.folder, 'pending')
  }
  transaction(operation: string): string {
    return join(this.pending, `${this.#owner}~${safe(operation, 'operation')}`)
  }
  /** The operation, when a folder in `pending` is this owner's. */
  operationOf(folder: string): string | undefined {
    return folder.startsWith(`${this.#owner}~`) ? folder.slice(this.#owner.length + 1) : undefined
  }

  /** Objects on their way out; see `collect` in garbage.ts. */
  get trash(): string {
    return join(this.folder, 'trash')
  }

  get snapshots(): string {
    return join(this.folder, 'snapshots')
  }
  environment(app: string, environment: string): string {
    return join(this.snapshots, safe(app, 'app'), safe(environment, 'environment'))
  }
}

/** Relative to the repository's folder; what people type when they restore by hand. */
export function objectPath(name: string): string {
  if (!OBJECT_NAME.test(name)) throw new FettleError('DAMAGED', `the manifest names an object that can not be: ${JSON.stringify(name)}`)
  return join('objects', name.slice(0, 2), name + OBJECT)
}

/** The proofs beside a manifest. */
export const proofsOf = (manifest: string): string => manifest.slice(0, -SUFFIX.length) + PROOFS

/** The object's name, also of one that is still being written. */
export function objectNameOf(file: string): string | undefined {
  const name = file.slice(0, 32)
  return OBJECT_NAME.test(name) && file.slice(32).startsWith(OBJECT) ? name : undefined
}

export function safe(name: string, what: string): string {
  if (!SAFE_NAME.test(name)) throw new FettleError('USAGE', `${JSON.stringify(name)} can not be the name of an ${what}`)
  return name
}
