/** Go: one binary, built into the release. */
import { addBuild, addService, type Draft, type FolderSketch, MAIN_SERVICE } from './draft.ts'

export function fromGo({ files, texts }: FolderSketch, draft: Draft): void {
  if (texts['go.mod'] === undefined) return
  const commands = files.flatMap(file => /^cmd\/([\w-]+)\/$/.exec(file)?.[1] ?? [])
  if (files.includes('main.go')) {
    addBuild(draft, `go build -o bin/${draft.app} .`, 'go.mod and main.go')
    if (draft.services.size === 0) addService(draft, MAIN_SERVICE, `./bin/${draft.app}`, 'go.mod and main.go')
  } else if (commands[0] !== undefined) {
    addBuild(draft, 'go build -o bin/ ./cmd/...', 'go.mod and cmd/')
    const name = commands.find(command => /^(web|server|api|app)$/.test(command) || command === draft.app) ?? commands[0]
    if (draft.services.size === 0) addService(draft, MAIN_SERVICE, `./bin/${name}`, `cmd/${name}/`)
    const others = commands.filter(command => command !== name)
    if (others.length > 0) draft.reasons.push(`cmd/ also holds ${others.join(', ')}: whether they run all the time is yours to say`)
  }
}
