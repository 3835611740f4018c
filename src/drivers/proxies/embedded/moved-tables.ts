/** The tables of a home that is at another place: their folders become its own. Only while no front runs. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../../../lib/files.ts'
import type { RouteTable } from '../../../ports/proxy.ts'
import { parseTable } from './front/parse-table.ts'
import { TABLES } from './layout.ts'

/**
 * Idempotent. Where the instances listened somebody else's may listen now, in a copy those of the original: until there are new ones
 * no request goes anywhere. A table that can not be read stays as it is: the front says so, and serves nothing by it.
 */
export async function moveTables(home: string, moved: (path: string) => string): Promise<void> {
  const folder = join(home, 'front', TABLES)
  const paths = await readdir(folder, { recursive: true }).catch(error => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  for (const path of paths.filter(name => name.endsWith('.json'))) {
    const table = readable(await readFile(join(folder, path), 'utf8'))
    if (table === undefined) continue
    await writeFileAtomic(join(folder, path), `${JSON.stringify(movedTable(table, moved), null, 2)}\n`, 0o600)
  }
}

function readable(text: string): RouteTable | undefined {
  try {
    return parseTable(JSON.parse(text))
  } catch {
    return undefined
  }
}

const movedTable = (table: RouteTable, moved: (path: string) => string): RouteTable => ({
  ...table,
  stores: Object.fromEntries(Object.entries(table.stores).map(([name, path]) => [name, moved(path)])),
  routes: table.routes.map(route => ({ ...route, backends: [] })),
})
