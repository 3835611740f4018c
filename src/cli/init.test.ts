import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { runCli } from '../../test/helpers/run-cli.ts'

interface Project {
  what: string
  files: Record<string, string>
  /** What each service runs. */
  runs: Record<string, string>
  build?: string | string[]
  migrate?: string
  /** Of what is said. */
  says: RegExp[]
}

const PROJECTS: Project[] = [
  {
    what: 'a Next app',
    files: {
      'package.json': JSON.stringify({
        name: 'shop',
        scripts: { dev: 'next dev', build: 'next build', start: 'next start' },
        dependencies: { next: '15' },
      }),
      'package-lock.json': '{}',
      'next.config.mjs': 'export default {}',
    },
    build: ['npm ci', 'npm run build'],
    runs: { web: 'npm start' },
    says: [/build: `npm run build`/, /service web: `npm start`, from `scripts.start`/],
  },
  {
    what: 'an Express app with a worker and a compose file for its database',
    files: {
      'package.json': JSON.stringify({
        scripts: { start: 'node src/server.js', worker: 'node src/worker.js' },
        dependencies: { express: '5', pg: '8' },
      }),
      'yarn.lock': '',
      '.env.example': 'DATABASE_URL=postgres://x\nSESSION_SECRET=\nPORT=3000\n',
      'docker-compose.yml': 'services:\n  db:\n    image: postgres:16\n  cache:\n    image: "redis:7"\n',
      'src/server.js': '',
    },
    build: 'yarn install --frozen-lockfile',
    runs: { web: 'node src/server.js', worker: 'node src/worker.js' },
    says: [
      /secrets, by the names in .env: DATABASE_URL, SESSION_SECRET/,
      /docker-compose.yml starts postgres:16, redis:7: fettle leaves that to you/,
    ],
  },
  {
    what: 'a Django project',
    files: { 'manage.py': '', 'requirements.txt': 'Django==5.1\ngunicorn\n', 'site/wsgi.py': '', 'db.sqlite3': '' },
    build: 'python3 -m venv .venv && .venv/bin/pip install -r requirements.txt',
    runs: { web: '.venv/bin/gunicorn --bind 127.0.0.1:$PORT site.wsgi' },
    migrate: '.venv/bin/python manage.py migrate --noinput',
    says: [/store data: a SQLite database, from db.sqlite3/],
  },
  {
    what: 'a Django project without a list of what it needs',
    files: { 'manage.py': '' },
    runs: { web: 'python3 manage.py runserver --noreload 127.0.0.1:$PORT' },
    migrate: 'python3 manage.py migrate --noinput',
    says: [/for production add gunicorn/],
  },
  {
    what: 'a Rails app with a Procfile',
    files: {
      Gemfile: 'source "https://rubygems.org"\ngem "rails", "~> 8.0"\ngem "puma"\n',
      Procfile: 'web: bundle exec puma -C config/puma.rb\nworker: bundle exec sidekiq\nrelease: bundle exec rails db:migrate\n',
    },
    build: 'bundle config set --local path vendor/bundle && bundle install',
    runs: { web: 'bundle exec puma -C config/puma.rb', worker: 'bundle exec sidekiq' },
    migrate: 'bundle exec rails db:migrate',
    says: [/`release` in Procfile/],
  },
  {
    what: 'a Dockerfile and nothing else',
    files: { Dockerfile: 'FROM node:24\nEXPOSE 3000\nENTRYPOINT ["node"]\nCMD ["server.js"]\n' },
    runs: { web: 'node server.js' },
    says: [/its base image is not used/, /exposes 3000/],
  },
  {
    what: 'a Go program',
    files: { 'go.mod': 'module example.org/hello\n', 'main.go': 'package main' },
    build: 'go build -o bin/project .',
    runs: { web: './bin/project' },
    says: [/go.mod and main.go/],
  },
  {
    what: 'a Go module with several commands',
    files: { 'go.mod': 'module example.org/hello\n', 'cmd/import/main.go': '', 'cmd/server/main.go': '' },
    build: 'go build -o bin/ ./cmd/...',
    runs: { web: './bin/server' },
    says: [/cmd\/ also holds import/],
  },
  { what: 'an empty folder', files: {}, runs: {}, says: [/nothing says how the app starts: `services:` is left to you/] },
]

async function folderOf(t: TestContext, files: Record<string, string>): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'fettle-init-'))
  t.after(() => rm(parent, { recursive: true }))
  const folder = join(parent, 'project')
  await mkdir(folder)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

describe('init writes a file that validates, and says what it guessed, for', () => {
  for (const { what, files, runs, build, migrate, says } of PROJECTS) {
    it(what, async t => {
      const cwd = await folderOf(t, files)
      const ran = await runCli(['init', '--json'], { home: cwd, cwd })
      assert.equal(ran.code, 0, ran.stderr)
      const { text, reasons } = ran.json() as { text: string; reasons: string[] }
      const spec = parse(text) as { services?: Record<string, { run: string }>; build?: unknown; release?: { migrate: string } }
      const found = Object.fromEntries(Object.entries(spec.services ?? {}).map(([name, { run }]) => [name, run]))
      assert.deepEqual([found, spec.build, spec.release?.migrate], [runs, build, migrate])
      for (const pattern of says) assert.match(reasons.join('\n'), pattern)
      const validated = await runCli(['validate'], { home: cwd, cwd })
      assert.equal(validated.code, 0, validated.stderr)
    })
  }
})

test('init ends with what is left to do: to look at it, or to add what runs', async t => {
  const ends: [Record<string, string>, RegExp][] = [
    [{ Procfile: 'web: x' }, /look at it, then `fettle up`/],
    [{ 'index.html': '' }, /nothing to run was found: add a service to it, then `fettle up`/],
  ]
  for (const [files, end] of ends) {
    const cwd = await folderOf(t, files)
    const ran = await runCli(['init'], { home: cwd, cwd })
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout.trimEnd().split('\n').at(-1) ?? '', end)
  }
})
