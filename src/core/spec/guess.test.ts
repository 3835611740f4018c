import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse as parseYaml } from 'yaml'
import type { FolderSketch } from './guess/draft.ts'
import { guessSpec } from './guess.ts'
import { parseSpec } from './parse.ts'

const json = JSON.stringify
/** Files with their texts; those without a text need only be there. */
function sketch(name: string, files: Record<string, string | true>): FolderSketch {
  const texts = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== true)
  return { name, files: Object.keys(files), texts: Object.fromEntries(texts) }
}

const SAMPLES: [title: string, folder: FolderSketch, expected: object][] = [
  [
    'a Node server with a lock file, a build, a database and a health path',
    sketch('x', {
      'package.json': json({
        name: '@me/Guest_Book',
        scripts: { start: 'node server.js', build: 'tsc', migrate: 'node migrate.js', worker: 'node worker.js --all' },
        dependencies: { 'better-sqlite3': '1' },
        engines: { node: '>=20' },
      }),
      'package-lock.json': true,
      'server.js': "app.get('/healthz', ok)",
      'uploads/': true,
    }),
    {
      app: 'guest-book',
      source: '.',
      build: ['npm ci', 'npm run build'],
      services: {
        web: {
          run: 'node server.js',
          env: { DATABASE: '${stores.data.path}', UPLOADS: '${stores.uploads.path}' },
          ready: { http: '/healthz' },
        },
        worker: { run: 'node worker.js --all', env: { DATABASE: '${stores.data.path}', UPLOADS: '${stores.uploads.path}' } },
      },
      stores: { data: { sqlite: 'guest-book.db' }, uploads: { files: '.' } },
      routes: [{ host: 'guest-book.localhost', to: 'web' }],
      release: { migrate: 'node migrate.js' },
    },
  ],
  [
    'a Procfile wins over scripts, and its release line is the migration',
    sketch('Shop 2', {
      Procfile: 'web: node web.js --port $PORT\nmail_worker: node mail.js\r\nrelease: npm run db:migrate\n# note: no service\n',
      'package.json': json({ scripts: { start: 'node other.js', 'start:worker': 'node w.js' } }),
    }),
    {
      app: 'shop-2',
      source: '.',
      services: { web: { run: 'node web.js --port $PORT' }, 'mail-worker': { run: 'node mail.js' } },
      routes: [{ host: 'shop-2.localhost', to: 'web' }],
      release: { migrate: 'npm run db:migrate' },
    },
  ],
  [
    'a server that opens the database of its environment',
    sketch('shop', { 'server.js': "import 'node:sqlite'\nopen(process.env.DATABASE_PATH)", 'package.json': '{}' }),
    {
      app: 'shop',
      source: '.',
      services: { web: { run: 'node server.js', env: { DATABASE_PATH: '${stores.data.path}' } } },
      stores: { data: { sqlite: 'shop.db' } },
      routes: [{ host: 'shop.localhost', to: 'web' }],
    },
  ],
  [
    'a start script that is more than a program runs by npm',
    sketch('shop', { 'package.json': json({ scripts: { start: 'NODE_ENV=production node a.js && true' }, dependencies: { a: '1' } }) }),
    {
      app: 'shop',
      source: '.',
      build: 'npm install',
      services: { web: { run: 'npm start' } },
      routes: [{ host: 'shop.localhost', to: 'web' }],
    },
  ],
  [
    'a Dockerfile tells the command where nothing else does',
    sketch('shop', { Dockerfile: 'FROM alpine\nEXPOSE 3000\nENTRYPOINT ["/bin/shop"]\nCMD ["--name", "it\'s mine"]\n' }),
    {
      app: 'shop',
      source: '.',
      services: { web: { run: "/bin/shop --name 'it'\\''s mine'" } },
      routes: [{ host: 'shop.localhost', to: 'web' }],
    },
  ],
  [
    'Django with gunicorn and a database in the folder',
    sketch('shop', { 'manage.py': true, 'shop/wsgi.py': true, 'requirements.txt': 'Django==5\ngunicorn\n', 'db.sqlite3': true }),
    {
      app: 'shop',
      source: '.',
      build: 'python3 -m venv .venv && .venv/bin/pip install -r requirements.txt',
      services: { web: { run: '.venv/bin/gunicorn --bind 127.0.0.1:$PORT shop.wsgi', env: { DATABASE: '${stores.data.path}' } } },
      stores: { data: { sqlite: 'db.sqlite3' } },
      routes: [{ host: 'shop.localhost', to: 'web' }],
      release: { migrate: '.venv/bin/python manage.py migrate --noinput' },
    },
  ],
  [
    'FastAPI',
    sketch('api', { 'requirements.txt': 'fastapi\nuvicorn', 'main.py': 'app = FastAPI()\n@app.get("/health")' }),
    {
      app: 'api',
      source: '.',
      build: 'python3 -m venv .venv && .venv/bin/pip install -r requirements.txt',
      services: { web: { run: '.venv/bin/uvicorn --host 127.0.0.1 --port $PORT main:app', ready: { http: '/health' } } },
      routes: [{ host: 'api.localhost', to: 'web' }],
    },
  ],
  [
    'Rails',
    sketch('blog', { Gemfile: "source 'https://rubygems.org'\ngem 'rails', '~> 8'\n", 'config.ru': true, 'config/': true }),
    {
      app: 'blog',
      source: '.',
      build: 'bundle config set --local path vendor/bundle && bundle install',
      services: { web: { run: 'bundle exec rails server -b 127.0.0.1 -p $PORT' } },
      routes: [{ host: 'blog.localhost', to: 'web' }],
      release: { migrate: 'bundle exec rails db:migrate' },
    },
  ],
  [
    'names in .env are secrets, except those that fettle or a store settles',
    sketch('shop', {
      'server.js': '',
      'package.json': '{}',
      'data.db': true,
      '.env':
        'PORT=3000\nNODE_ENV=production\nDATABASE_URL=./data.db\nexport SESSION_KEY=hunter2\n# OLD=1\nSMTP_URL = smtp://me:hunter2@mail\n',
      '.env.example': 'STRIPE_TOKEN=\nSESSION_KEY=\n',
    }),
    {
      app: 'shop',
      source: '.',
      services: {
        web: {
          run: 'node server.js',
          env: {
            DATABASE_URL: '${stores.data.path}',
            SESSION_KEY: '${secrets.SESSION_KEY}',
            SMTP_URL: '${secrets.SMTP_URL}',
            STRIPE_TOKEN: '${secrets.STRIPE_TOKEN}',
          },
        },
      },
      stores: { data: { sqlite: 'data.db' } },
      routes: [{ host: 'shop.localhost', to: 'web' }],
      secrets: ['SESSION_KEY', 'SMTP_URL', 'STRIPE_TOKEN'],
    },
  ],
  ['an empty folder', sketch('Ünïcode 99', {}), { app: 'n-code-99', source: '.' }],
  ['a folder whose name has no letter', sketch('2026', { 'README.md': true }), { app: 'app', source: '.' }],
  [
    'files that are broken or mean harm',
    sketch('x', {
      'package.json': json({ name: '../../etc', scripts: { start: 'node a\0b', worker: 7 }, dependencies: null, main: 'a\nb: c' }),
      Procfile: 'web: run ${stores.x.path}\nw\u0001: x\n',
      Dockerfile: 'CMD ["a", 1]',
      'a\nb: [.db': true,
    }),
    { app: 'etc', source: '.' },
  ],
  ['a manifest that is none', sketch('x', { 'package.json': '[1' }), { app: 'x', source: '.' }],
]
for (const [title, folder, expected] of SAMPLES)
  test(`guessed from ${title}`, () => {
    const { text } = guessSpec(folder)
    assert.deepEqual(parseYaml(text), expected)
    parseSpec(text, { file: 'fettle.yaml' })
  })

test('every guess has its reason, and what is not read is said', () => {
  const { reasons } = guessSpec(
    sketch('shop', { 'compose.yaml': true, Procfile: 'web: x\n', 'package.json': json({ engines: { node: '18' } }) }),
  )
  assert.deepEqual(reasons, [
    'service web: `x`, from `web` in Procfile',
    'package.json asks for Node 18; the `node` of the machine runs it',
    'source: this folder without what .gitignore names (there is none: all of it); a .fettleignore would decide instead',
    'compose.yaml is not taken over: what it starts beside the app is yours to run',
  ])
  assert.match(guessSpec(sketch('shop', {})).reasons.join(), /nothing says how the app starts/)
  assert.match(guessSpec(sketch('shop', { 'package.json': '{ "scripts": }' })).reasons.join(), /package\.json can not be read/)
})

test('no value of .env is in what is written or said', () => {
  const { text, reasons } = guessSpec(
    sketch('shop', { 'server.js': '', 'package.json': '{}', '.env': 'KEY=hunter2\nPORT=hunter3\nEMPTY=\n hunter4\n' }),
  )
  assert.ok(!/hunter/.test(text + reasons.join()))
})
