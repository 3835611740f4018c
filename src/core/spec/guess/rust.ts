/** Rust: the binary that Cargo.toml names, built into the release. */
import { addBuild, addService, type Draft, type FolderSketch, MAIN_SERVICE } from './draft.ts'

export function fromRust({ files, texts }: FolderSketch, draft: Draft): void {
  const manifest = texts['Cargo.toml']
  if (manifest === undefined) return
  const nameIn = (section: string): string | undefined =>
    new RegExp(`^\\[${section}\\][^[]*?^name[ \\t]*=[ \\t]*["']([\\w-]+)["']`, 'm').exec(manifest)?.[1]
  const binary = nameIn('\\[bin\\]') ?? (files.includes('src/main.rs') ? nameIn('package') : undefined)
  if (binary === undefined) {
    draft.reasons.push('Cargo.toml names no binary of its own: neither src/main.rs nor [[bin]] is there')
    return
  }
  addBuild(draft, 'cargo build --release', 'Cargo.toml')
  if (draft.services.size === 0) addService(draft, MAIN_SERVICE, `./target/release/${binary}`, 'Cargo.toml')
}
