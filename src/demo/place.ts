/** Where the demo happens: a temporary folder with a home of its own and the guestbook in it. */
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeTree } from '../lib/remove-tree.ts'

/** From `src/demo/` as from `dist/<digest>/`. */
const examples = join(import.meta.dirname, '../../examples')

/** A minute is right for a real app; here somebody watches. */
const BAKE = '\n  bake: { for: 10s }'

export interface Place {
  folder: string
  /** Where fettle keeps everything, in place of this machine's own. */
  home: string
  /** The guestbook's folder, in which commands are typed. */
  project: string
}

export type GuestbookVersion = 'v2' | 'v3' | 'v4'

export async function makePlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-demo-'))
  const project = join(folder, 'guestbook')
  await cp(join(examples, 'guestbook'), project, { recursive: true })
  const file = join(project, 'fettle.yaml')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace('\nrelease:', `$&${BAKE}`))
  return { folder, home: join(folder, 'home'), project }
}

/** The same as a person's `cp -r`. */
export async function bringVersion({ project }: Place, version: GuestbookVersion): Promise<void> {
  await cp(join(examples, 'guestbook-versions', version), project, { recursive: true })
}

export const removePlace = ({ folder }: Place): Promise<void> => removeTree(folder)
