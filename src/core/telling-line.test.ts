import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tellingLine } from './telling-line.ts'

const said: [string, string, string][] = [
  ['nothing', '', ''],
  ['its last line', 'starting\nno such table: entries\n', 'no such table: entries'],
  ['the shell', 'sh: 1: nope: not found\n', 'sh: 1: nope: not found'],
  [
    'npm',
    'npm error code ETARGET\nnpm error notarget No matching version found for left-pad@99.\nnpm error notarget In most cases you are asking for a version that does not exist.\nnpm error A complete log of this run can be found in: /root/.npm/x.log\n',
    'npm error notarget No matching version found for left-pad@99.',
  ],
  [
    'Node',
    "node:internal/modules/cjs/loader:1210\n  throw err;\n  ^\n\nError: Cannot find module '/app/x.js'\n    at Module._resolveFilename (node:internal:1)\n    at x {\n  code: 'MODULE_NOT_FOUND',\n  requireStack: []\n}\n\nNode.js v24.1.0\n",
    "Error: Cannot find module '/app/x.js'",
  ],
  [
    'Python',
    'Traceback (most recent call last):\n  File "m.py", line 1, in <module>\n    import nope\nModuleNotFoundError: No module named \'nope\'\n',
    "ModuleNotFoundError: No module named 'nope'",
  ],
]

for (const [who, output, line] of said) test(`the line that tells why, of ${who}`, () => assert.equal(tellingLine(output), line))
