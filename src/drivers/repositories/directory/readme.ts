/** Lies in every repository, for the person who has only the disk and the key. */
export const README = `This folder is a backup repository, written by fettle. You do not need fettle to restore from it.

snapshots/<app>/<environment>/<id>.json   one snapshot each. "how" in it lists the commands that restore it.
                                          "checksum" is the SHA-256 of "manifest" as JSON with sorted keys and no spaces.
snapshots/.../<id>.proofs.ndjson          what was shown about the snapshot, and when; each line with a
                                          checksum over the rest of it, made in the same way
objects/<aa>/<name>.zst.age               the data: zstd inside age (https://age-encryption.org/v1)
repository.json                           which repository this is; fettle remembers it
pending/, trash/                          work in progress; nothing in it belongs to a snapshot

To restore by hand you need the programs age, zstd, tar and sqlite3, and the file with the age identity
(a line that starts with AGE-SECRET-KEY-1). In this folder:

  KEY=/path/to/identity
  age -d -i "$KEY" objects/<aa>/<name>.zst.age | zstd -d > payload

The manifest gives the SHA-256 of each stored object: compare with sha256sum.
`
