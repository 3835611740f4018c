/** Where the code of a release comes from: taken into a folder of its own, then built there. */

export interface SourceDigest {
  /** SHA-256, hex: equal digests mean equal names, contents, link targets and executable bits. */
  digest: string
  files: number
  bytes: number
}

export interface SourceLook {
  /** As that of `fetch`. */
  digest: string
  /** Files in it that are SQLite databases: paths in the source, for people. */
  databases: string[]
}

export interface Fetched extends SourceDigest {
  /** What was taken, for people: `folder /home/ada/shop`, `npm package verdaccio@6.1.0`. */
  description: string
}

export interface Source {
  /** Commands that belong to the source itself, run before the app's own `build`. */
  readonly build: string[]
  /**
   * What `fetch` would take now; copies nothing. Concurrent use is fine.
   * @throws FettleError NOT_FOUND, REFUSED, CONFLICT, CANCELLED
   */
  look(signal?: AbortSignal): Promise<SourceLook>
  /**
   * Takes it into a folder, which is emptied first and left empty by a failure: repeatable.
   * @throws FettleError NOT_FOUND; REFUSED for what can not or must not be taken, naming it; CONFLICT when it changes all the
   * time; DISK_FULL before anything is written; CANCELLED
   */
  fetch(into: string, signal: AbortSignal): Promise<Fetched>
}
