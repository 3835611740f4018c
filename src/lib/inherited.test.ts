import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agentEnvironment, buildEnvironment } from './inherited.ts'

const shell = {
  PATH: '/bin',
  HOME: '/home/ada',
  https_proxy: 'http://proxy:3128',
  npm_config_registry: 'http://127.0.0.1:4873/',
  npm_config_userconfig: '/home/ada/.npmrc',
  npm_config__auth: 'token',
  AWS_SECRET_ACCESS_KEY: 'key',
  UNSET: undefined,
}

test('an agent gets who it is and how the network is reached, and no token of the shell that started it', () => {
  const { npm_config__auth, AWS_SECRET_ACCESS_KEY, UNSET, ...rest } = shell
  assert.deepEqual(agentEnvironment(shell), rest)
})

test('a build gets how the network is reached, and nothing else', () => {
  assert.deepEqual(Object.keys(buildEnvironment(shell)), ['https_proxy', 'npm_config_registry', 'npm_config_userconfig'])
})
