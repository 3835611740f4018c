import { FettleError } from '../../../core/errors.ts'
import type { SnapshotPart, StoredObject } from '../../../ports/store.ts'
import { objectPath } from './layout.ts'

/**
 * Shell commands that restore a snapshot without fettle, in order, to be run in the repository's folder with the environment variable
 * KEY naming the file with the age identity. Everything lands in `restored/<store>`.
 */
export function howToRestore(parts: SnapshotPart[]): string[] {
  return parts.flatMap(part => {
    const target = `restored/${part.store}`
    return [`mkdir -p ${target}`, ...part.objects.flatMap(object => commands(object, target))]
  })
}

function commands(object: StoredObject, target: string): string[] {
  const payload = `age -d -i "$KEY" ${objectPath(object.name)} | zstd -d`
  switch (object.content) {
    case 'sqlite-database':
      return [`${payload} > ${target}/database.sqlite`, `sqlite3 ${target}/database.sqlite 'PRAGMA integrity_check'`]
    case 'tar':
      return [`${payload} | tar -xp -C ${target}`]
    case 'tar-delta':
      // First what was deleted since the object before, then what was added or changed.
      return [
        `${payload} | tar -xO ./.fettle-deleted | (cd ${target} && xargs -0 -r rm -rf --)`,
        `${payload} | tar -xp -C ${target} --anchored --no-wildcards --exclude=./.fettle-deleted`,
      ]
    default:
      throw new FettleError('UNSUPPORTED', `nobody wrote down how to restore a ${object.content} by hand`)
  }
}
