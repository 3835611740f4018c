/** Absolute paths, as text: what lies in a folder, and where that is when the folder is moved. */

export const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)

/** The same place below `to`. One that was moved before stays: `to` may itself lie below `from`. */
export function movedPath(path: string, from: readonly string[], to: string): string {
  const old = from.find(folder => isBelow(path, folder) && !(isBelow(to, folder) && isBelow(path, to)))
  return old === undefined ? path : `${to}${path.slice(old.length)}`
}
