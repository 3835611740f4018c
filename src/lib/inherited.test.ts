import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildEnvironment } from './inherited.ts'

test('a build gets how the network is reached, and nothing else of the shell', () => {
  const shell = {
    PATH: '/bin',
    https_proxy: 'http://proxy:3128',
    npm_config_userconfig: '/home/ada/.npmrc',
    npm_config__auth: 'token',
    AWS_SECRET_ACCESS_KEY: 'key',
  }
  assert.deepEqual(Object.keys(buildEnvironment(shell)), ['https_proxy', 'npm_config_userconfig'])
})
