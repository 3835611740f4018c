// Verdaccio as this package wants it. What differs from place to place comes from the environment.
import { resolve } from 'node:path'
import { runServer } from 'verdaccio'

const { PORT = '4873', STORAGE = 'data/packages', USERS = 'data/users', TITLE = 'Our packages' } = process.env

const server = await runServer({
  configPath: resolve(import.meta.dirname, 'server.js'), // other paths are relative to its folder
  storage: resolve(import.meta.dirname, STORAGE),
  web: { title: TITLE },
  auth: { htpasswd: { file: resolve(import.meta.dirname, USERS, 'htpasswd'), algorithm: 'bcrypt' } },
  uplinks: {}, // only packages of our own: nothing is asked of another registry
  packages: { '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' } },
  middlewares: { ready: { enabled: true } },
  server: { trustProxy: 'loopback' },
  log: { type: 'stdout', format: 'pretty', colors: false, level: 'warn' },
})
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listens on ${PORT}`))

process.on('SIGTERM', () => server.close())
