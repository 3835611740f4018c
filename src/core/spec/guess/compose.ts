/** A compose file: read for what the app leans on, not for how it is run. */
import type { Draft, FolderSketch } from './draft.ts'

export function fromCompose({ files, texts }: FolderSketch, draft: Draft): void {
  const name = files.find(file => /^(docker-)?compose\.ya?ml$/.test(file))
  if (name === undefined) return
  const images = [
    ...new Set([...(texts[name] ?? '').matchAll(/^[ \t]+image:[ \t]*['"]?([\w./:@-]{1,100})/gm)].map(([, image = '']) => image)),
  ]
  draft.reasons.push(
    images.length === 0
      ? `${name} is not taken over: what it starts beside the app is yours to run`
      : `${name} starts ${images.join(', ')}: fettle leaves that to you; hand the app its address as a variable or a secret`,
  )
}
