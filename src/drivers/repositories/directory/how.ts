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

/** The folders that tar lists and that are there by now. Behind the deletions: where one of them is to be, a link may have been. */
const MAKE_WRITABLE =
  'while IFS= read -r name; do folder=$(printf %b. "$name"); folder=${folder%/.}; test ! -d "$folder" || chmod u+rwx "$folder"; done'

function commands(object: StoredObject, target: string): string[] {
  const payload = `age -d -i "$KEY" ${objectPath(object.name)} | zstd -d`
  switch (object.content) {
    case 'sqlite-database':
      return [`${payload} > ${target}/database.sqlite`, `sqlite3 ${target}/database.sqlite 'PRAGMA integrity_check'`]
    case 'tar':
      return [`${payload} | tar -xp -C ${target}`]
    case 'tar-delta':
      // First what was deleted since the object before, then what was added or changed. Either may lie in folders that are read-only, also
      // for their owner: the archive holds those that stay, and gives them their modes again.
      return [
        `${payload} | tar -xO ./.fettle-deleted | (cd ${target} && xargs -0 -r dirname -z -- | xargs -0 -r chmod u+rwx --)`,
        `${payload} | tar -xO ./.fettle-deleted | (cd ${target} && xargs -0 -r rm -rf --)`,
        `${payload} | tar -t --quoting-style=escape | grep '/$' | (cd ${target} && ${MAKE_WRITABLE})`,
        `${payload} | tar -xp -C ${target} --anchored --no-wildcards --exclude=./.fettle-deleted`,
      ]
    default:
      throw new FettleError('UNSUPPORTED', `nobody wrote down how to restore a ${object.content} by hand`)
  }
}
