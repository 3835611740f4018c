/** Where one folder is seen by more than one path: by bind mounts, or a file system that is mounted twice. */
import { join, relative } from 'node:path'
import { isBelow } from '../../../lib/moved-path.ts'

export interface Mount {
  /** Of the file system, as `major:minor`. */
  device: string
  /** What of that is mounted, and where. */
  root: string
  point: string
}

/** @param mountinfo as /proc has it, in which some characters are written as octal numbers */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap(line => {
    const [, , device, root, point] = line.split(' ')
    if (device === undefined || root === undefined || point === undefined) return []
    return [{ device, root: unescape(root), point: unescape(point) }]
  })
}

const unescape = (path: string): string => path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

const isIn = (path: string, folder: string): boolean => folder === '/' || isBelow(path, folder)

/** Other paths to it, or to a part of it. @param path of no link */
export function otherPaths(path: string, mounts: readonly Mount[]): string[] {
  // Of several in one place the last one is seen.
  const own = mounts
    .filter(({ point }) => isIn(path, point))
    .reduce((best, mount) => (best.point.length > mount.point.length ? best : mount))
  const inside = join(own.root, relative(own.point, path))
  const others = mounts
    .filter(({ device }) => device === own.device)
    .flatMap(({ root, point }) => {
      if (isIn(inside, root)) return [join(point, relative(root, inside))]
      return isIn(root, inside) ? [point] : []
    })
  return [...new Set(others)].filter(other => other !== path)
}
