/** One file that uses nearly everything, shared by the tests of the parser, of the JSON Schema and of the diff. */
export const GUESTBOOK = `app: guestbook
source: .
build: npm ci
services:
  web:
    run: node server.js
    instances: 2
    env: { DATABASE: "\${stores.data.path}", UPLOADS: "\${stores.uploads.path}", KEY: "\${secrets.KEY}" }
    ready: { http: /health, within: 30s }
    stop: { signal: SIGTERM, drain: 10s }
    limits: { memory: 256M }
  digest: { run: node digest.js, singleton: true, in-drills: false }
stores:
  data: { sqlite: guestbook.db }
  uploads: { files: . }
routes:
  - { host: guestbook.localhost, to: web }
secrets: [KEY]
release:
  migrate: node migrate.js
  test: [{ http: /, status: 200, near-end: { text: "</footer>", within: 2kB } }]
  keep: 5
backups:
  keep: { daily: 7, weekly: 4, monthly: 12 }
  repository: { directory: backups }
  drill: { expect: [{ store: data, sql: "select count(*) from entries", at-least: 1 }] }
environments: { production: {}, staging: { services: { web: { instances: 1 } } } }
`
