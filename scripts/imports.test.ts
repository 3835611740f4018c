import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importViolations } from './imports.ts'

const messages = (file: string, source: string) => importViolations(file, source).map(({ line, message }) => `${line}: ${message}`)

const REFUSED: [file: string, source: string, message: RegExp][] = [
  ['src/core/plan.ts', "import { x } from '../drivers/stores/sqlite/index.ts'", /core is pure/],
  ['src/core/spec/a.ts', "import type { X } from '../../ports/store.ts'", /core is pure/],
  ['src/core/a.ts', "import { readFile } from 'node:fs/promises'", /node:fs\/promises \(readFile\): core has no I\/O/],
  ['src/core/a.ts', "import { createHash, randomBytes } from 'node:crypto'", /node:crypto/],
  ['src/core/a.ts', "import { resolve } from 'node:path'", /node:path \(resolve\)/],
  ['src/core/a.ts', "import path from 'node:path'", /node:path/],
  ['src/core/a.ts', "import { Client } from 'undici'", /undici/],
  ['src/core/a.ts', 'const now = Date.now()', /Date\.now/],
  ['src/core/a.ts', 'const now = new Date()', /new Date\(\)/],
  ['src/core/a.ts', 'const n = Math.random()', /Math\.random/],
  ['src/core/a.ts', "import { z } from 'zod'", /import \* as z/],
  ['src/ports/a.ts', "import { x } from '../lib/files.ts'", /a port is a contract/],
  ['src/ports/a.ts', "import { Readable } from 'node:stream'", /types only/],
  ['src/lib/a.ts', "import { x } from '../ports/store.ts'", /lib is small helpers/],
  ['src/engine/a.ts', "import { x } from '../operations/deploy.ts'", /handed what its steps need/],
  ['src/drivers/stores/sqlite/driver.ts', "import { x } from '../files/scan.ts'", /never another driver/],
  ['src/drivers/stores/sqlite/driver.ts', "import type { X } from '../../runtimes/process/unit.ts'", /never another driver/],
  ['src/drivers/stores/sqlite/deep/a.ts', "export { x } from '../../files/index.ts'", /never another driver/],
  ['src/drivers/registry.ts', "import { x } from './stores/files/driver.ts'", /by its index/],
  ['src/operations/deploy.ts', "import { x } from '../drivers/registry.ts'", /handed its drivers/],
  ['src/cli/up.ts', "const { x } = await import('../engine/engine.ts')", /agent's API only/],
  ['src/cli/up.ts', "import { spawn } from 'node:child_process'", /lib\/ and drivers\//],
  ['src/agent/a.ts', "import '../drivers/registry.ts'", /handed its drivers/],
  ['src/agent/a.ts', "import {\n  x,\n  y,\n} from '../cli/program.ts'", /handed its drivers/],
  ['src/lib/a.ts', "import { x } from '../../test/helpers/x.ts'", /src\/ only/],
  ['src/utils/a.ts', "import { x } from '../core/a.ts'", /does not know/],
]

for (const [file, source, message] of REFUSED) {
  test(`${source.replaceAll('\n', '')} is refused in ${file}`, () => {
    const found = messages(file, source)
    assert.equal(found.length, 1)
    assert.match(found[0] ?? '', message)
  })
}

const ALLOWED: [file: string, source: string][] = [
  ['src/core/a.ts', "import * as z from 'zod'\nimport { createHash } from 'node:crypto'\nimport { b } from './spec/b.ts'"],
  ['src/core/a.ts', "// Date.now() is the caller's\n/* Math.random() too */\nconst at = new Date(0)"],
  ['src/ports/a.ts', "import type { Readable } from 'node:stream'"],
  ['src/lib/a.ts', "import type { Clock } from '../ports/clock.ts'\nimport { spawn } from 'node:child_process'"],
  ['src/drivers/stores/sqlite/deep/a.ts', "import { x } from '../config.ts'\nimport { y } from '../../../../lib/files.ts'"],
  ['src/drivers/registry.ts', "import { createSqlite } from './stores/sqlite/index.ts'"],
  ['src/operations/deploy.ts', "import { x } from '../engine/step.ts'\nimport type { Store } from '../ports/store.ts'"],
  ['src/api/contract.ts', "import type { OperationRow } from '../engine/journal.ts'"],
  ['src/agent.ts', "import { registry } from './drivers/registry.ts'\nimport { x } from './agent/loop.ts'"],
]

for (const [file, source] of ALLOWED) {
  test(`${source.replaceAll('\n', '; ')} is allowed in ${file}`, () => assert.deepEqual(messages(file, source), []))
}

test('a breach is reported on its own line', () => {
  assert.deepEqual(
    importViolations('src/core/a.ts', "/*\n*/\nimport { x } from '../lib/x.ts'").map(({ line }) => line),
    [3],
  )
})
