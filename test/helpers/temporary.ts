import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** A private folder that is gone after the tests of the file or suite that asked for it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fettle-test-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
