/** The licences of the packages whose code is in the bundle, from what the bundler says it read. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'

/** Package folders, relative to the checkout, of every input that reached an output. */
export function bundledPackages(metafile: Pick<Metafile, 'outputs'>): string[] {
  const inputs = Object.values(metafile.outputs).flatMap(output => Object.keys(output.inputs))
  const folders = inputs.map(path => /^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
  return [...new Set(folders.filter(folder => folder !== undefined))].sort()
}

async function noticeOf(folder: string): Promise<string> {
  const manifest: { name: string; version: string; license?: string } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const texts = (await readdir(folder)).filter(name => /^(licen[cs]e|notice|copying)/i.test(name)).sort()
  if (texts.length === 0 && manifest.license === undefined)
    throw new Error(`${manifest.name} is bundled but says nowhere under which licence`)
  const bodies = await Promise.all(texts.map(name => readFile(join(folder, name), 'utf8')))
  return [`${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})`, ...bodies.map(text => text.trim())].join('\n\n')
}

export async function noticesOf(metafile: Pick<Metafile, 'outputs'>, home: string): Promise<string> {
  const notices = await Promise.all(bundledPackages(metafile).map(folder => noticeOf(join(home, folder))))
  return `fettle contains code of these packages.\n\n${notices.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}
