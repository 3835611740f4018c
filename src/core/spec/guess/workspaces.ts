/** Packages of a monorepo, as its root names them. */
import { parse } from 'yaml'
import type { FolderSketch } from './draft.ts'

const MOST_WORKSPACES = 50

/** Paths of the manifests that the root's patterns (`packages/*`, `apps/web`) may mean; whether each is there is another matter. */
export function workspaceManifests({ files, texts }: Pick<FolderSketch, 'files' | 'texts'>): string[] {
  const patterns = patternsIn(texts).map(pattern => pattern.replace(/^\.\//, '').replace(/\/+$/, ''))
  const folders = files.filter(file => file.endsWith('/')).map(file => file.slice(0, -1))
  const meant = folders.filter(folder => patterns.some(pattern => isMeant(folder, pattern)))
  return meant.slice(0, MOST_WORKSPACES).map(folder => `${folder}/package.json`)
}

const isMeant = (folder: string, pattern: string): boolean => {
  const [parts, names] = [pattern.split('/'), folder.split('/')]
  return parts.length === names.length && parts.every((part, at) => part === names[at] || part === '*' || part === '**')
}

function patternsIn(texts: Record<string, string>): string[] {
  try {
    const { workspaces } = JSON.parse(texts['package.json'] ?? '{}') as { workspaces?: unknown }
    const { packages } = (parse(texts['pnpm-workspace.yaml'] ?? '{}', { logLevel: 'silent' }) ?? {}) as { packages?: unknown }
    const nested = typeof workspaces === 'object' && workspaces !== null && 'packages' in workspaces ? workspaces.packages : workspaces
    return [nested, packages].flat().filter(pattern => typeof pattern === 'string')
  } catch {
    // A package.json that is none is said where it is read.
    return []
  }
}
