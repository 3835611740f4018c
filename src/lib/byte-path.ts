/** Paths as bytes: on Linux a name is any bytes but `/` and NUL, and many are no UTF-8. */

const SLASH = Buffer.from('/')

export function joinBytes(folder: Buffer, name: Buffer): Buffer {
  return folder.length === 0 ? name : Buffer.concat([folder, SLASH, name])
}

/** For messages: as it is when that is plain, else quoted, so that a name can not fake a line of output. */
export function shownPath(path: Buffer): string {
  const text = path.toString()
  const isPlain = /^[\p{L}\p{N}\p{P}\p{S} ]+$/u.test(text) && !text.includes('\ufffd')
  return isPlain ? text : JSON.stringify(path.toString('latin1'))
}
