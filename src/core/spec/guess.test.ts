import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse as parseYaml } from 'yaml'
import { type FolderSketch, toIdentifier } from './guess/draft.ts'
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
  [
    'the last stage of a Dockerfile: command, variables and health check, but no secret and no path of the container',
    sketch('shop', {
      Dockerfile: [
        'FROM node:24 AS base',
        'ENV NODE_ENV=production GREETING="hello \\"world\\""',
        'FROM base AS build',
        'ENV ONLY_BUILT=1',
        'CMD ["make"]',
        'FROM base',
        '# ENV COMMENTED=1',
        "env OLD form value\nENV MODE='a b' \\",
        '  # between',
        '  LEVEL=2',
        'ENV PATH=/app/bin:$PATH CACHE=/var/cache API_TOKEN=hunter2 DATABASE_PATH=/data/app.db PORT=80 COPY=$MODE',
        'VOLUME ["/data"]',
        'HEALTHCHECK --interval=30s CMD curl -f http://localhost:${PORT}/healthy || exit 1',
        'CMD node \\',
        '   server.js',
      ].join('\n'),
      'app.db': true,
    }),
    {
      app: 'shop',
      source: '.',
      services: {
        web: {
          run: 'node server.js',
          env: {
            NODE_ENV: 'production',
            GREETING: 'hello "world"',
            OLD: 'form value',
            MODE: 'a b',
            LEVEL: '2',
            API_TOKEN: '${secrets.API_TOKEN}',
            DATABASE_PATH: '${stores.data.path}',
          },
          ready: { http: '/healthy' },
        },
      },
      stores: { data: { sqlite: 'app.db' } },
      routes: [{ host: 'shop.localhost', to: 'web' }],
      secrets: ['API_TOKEN'],
    },
  ],
  [
    'the services of a compose file that run from this folder',
    sketch('shop', {
      'compose.yaml': `services:
  app:
    image: node:20
    command: ["node", "index.js"]
    ports: ["3000:3000"]
    environment: [MODE=fast, "DB_URL=postgres://db/x", DB_PASSWORD=hunter2, HANDED_ON]
  worker: { image: 'node:20', volumes: ['.:/app'], command: npm run work, environment: { DB_HOST: db, TRIES: 3 } }
  tool: { build: { context: ./tool }, command: ./tool }
  other: { image: 'node:20', command: node elsewhere.js }
  db: { image: 'postgres:16' }
`,
      'index.js': '',
    }),
    {
      app: 'shop',
      source: '.',
      services: {
        web: { run: 'node index.js', env: { MODE: 'fast', DB_PASSWORD: '${secrets.DB_PASSWORD}' } },
        worker: { run: 'npm run work', env: { TRIES: '3' } },
      },
      routes: [{ host: 'shop.localhost', to: 'web' }],
      secrets: ['DB_PASSWORD'],
    },
  ],
  [
    'Rust with a program of its own',
    sketch('x', { 'Cargo.toml': '[package]\nversion = "1"\nname = "shop_server"\n[dependencies]\naxum = "1"\n', 'src/main.rs': true }),
    {
      app: 'x',
      source: '.',
      build: 'cargo build --release',
      services: { web: { run: './target/release/shop_server' } },
      routes: [{ host: 'x.localhost', to: 'web' }],
    },
  ],
  [
    'a site whose build needs only what it is developed with',
    sketch('site', { 'package.json': json({ scripts: { build: 'vite build' }, devDependencies: { vite: '5' } }) }),
    { app: 'site', source: '.', build: ['npm install', 'npm run build'] },
  ],
  [
    'a build with the program of its lock file',
    sketch('site', { 'package.json': json({ scripts: { build: 'vite build' } }), 'pnpm-lock.yaml': true }),
    { app: 'site', source: '.', build: ['pnpm install --frozen-lockfile', 'pnpm run build'] },
  ],
  ['an empty folder', sketch('Ünïcode 99', {}), { app: 'unicode-99', source: '.' }],
  ...[
    'true',
    'null',
    'False',
    'NO',
    'off',
    '123',
    '1e3',
    '~',
    '.',
    'ſ',
    '__proto__',
    'constructor',
    'on\n',
    "y'",
    '- x',
    '!!str',
    '%',
    'x: y #',
  ].map((name): (typeof SAMPLES)[number] => {
    const app = toIdentifier(name) || 'app'
    return [`an empty folder with the name ${json(name)}`, sketch(name, {}), { app, source: '.' }]
  }),
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
  const { reasons } = guessSpec({
    ...sketch('shop', { 'compose.yaml': true, Procfile: 'web: x\n', 'package.json': json({ engines: { node: '18' } }) }),
    nodeVersion: '24.1.0',
  })
  assert.deepEqual(reasons, [
    'service web: `x`, from `web` in Procfile',
    "package.json asks for Node 18; fettle's own Node 24.1.0 comes first in PATH and runs it, but where `PATH=<folder of another>:$PATH` stands before a command",
    'source: this folder without what .gitignore names (there is none: all of it); a .fettleignore would decide instead',
    'compose.yaml is not taken over: what it starts beside the app is yours to run',
  ])
  assert.match(guessSpec(sketch('shop', {})).reasons.join(), /nothing says how the app starts/)
  assert.match(guessSpec(sketch('shop', { 'package.json': '{ "scripts": }' })).reasons.join(), /package\.json can not be read/)
})

test('what of a compose file is not taken is said, by each service, with the reason', () => {
  const compose = json({
    services: {
      api: { build: './api', command: 'node server.js', ports: ['3000:3000'] },
      web: { build: '.', command: 'npm start' },
      jobs: { build: { context: '.' }, command: 'npm run jobs' },
      odd: {},
      far: { build: 'https://git.example/far.git' },
    },
  })
  const alone = guessSpec(sketch('shop', { 'compose.yaml': compose }))
  assert.deepEqual(alone.services, ['web', 'jobs'])
  assert.match(alone.reasons.join('\n'), /`api` in compose\.yaml is left out: it is built from \.\/api, .*`fettle init \.\/api`/)
  assert.match(alone.reasons.join('\n'), /`odd` in compose\.yaml is left out/)
  assert.match(alone.reasons.join('\n'), /`far` in compose\.yaml is left out: .*git, not from this folder$/m)
  const beside = guessSpec(sketch('shop', { 'compose.yaml': compose, 'package.json': json({ scripts: { start: 'node a.js' } }) }))
  assert.deepEqual(beside.services, ['web'])
  for (const said of [/`api` in compose\.yaml is left out/, /`jobs` in compose\.yaml is left out: where `npm run jobs` must run too/])
    assert.match(beside.reasons.join('\n'), said)
  assert.doesNotMatch(beside.reasons.join('\n'), /`web` in compose\.yaml is left out/)
})

test('what a first look leaves out is said: a line of a Procfile that is no entry, and a file of another name', () => {
  const { reasons } = guessSpec(sketch('shop', { Procfile: '# web\n\nweb: ./a\nBad Name: ./b\nidle:\n', 'fettle.yml': 'app: shop' }))
  assert.deepEqual(
    reasons.filter(reason => /left out|stays/.test(reason)),
    [
      '`Bad Name: ./b`, from Procfile, is left out: it is not `name: command`, with a name of letters, digits, - and _',
      '`idle:`, from Procfile, is left out: it is not `name: command`, with a name of letters, digits, - and _',
      'fettle.yml stays as it is and is not read: fettle reads fettle.yaml',
    ],
  )
})

test('the first of two lines of a Procfile with one name counts, and that is said', () => {
  const { text, reasons } = guessSpec(sketch('shop', { Procfile: 'web: node a.js\nweb: node b.js\nrelease: ./a\nrelease: ./b\n1: ./c\n' }))
  assert.equal(parseSpec(text, { file: 'fettle.yaml' }).spec.services.web?.run, 'node a.js')
  for (const said of [
    /`node b\.js`, from `web` in Procfile, is left out: there is a service web before it/,
    /`\.\/b`, from `release` in Procfile, is left out/,
    /`\.\/c`.*is left out/,
  ])
    assert.match(reasons.join('\n'), said)
})

test('names that YAML reads as something else stay names, and no name of a file leaves its comment', () => {
  const { text } = guessSpec(
    sketch('null', {
      Procfile: 'true: ./a\nnull: ./b\nweb: ./c\n',
      '.env': 'NULL=\nTrue=\n__proto__=\ntoString=\n',
      'manage.py': true,
      'a\nroutes: []/settings.py': settings("'x.db'"),
    }),
  )
  const { app, services, secrets, routes } = parseSpec(text, { file: 'fettle.yaml' }).spec
  assert.deepEqual(
    [app, Object.keys(services), Object.keys(secrets), routes.length],
    ['null', ['true', 'null', 'web'], ['NULL', 'True'], 1],
  )
})

test('what a compose file keeps outside of the container is said to be lost with every deploy, but no source, cache or read-only file', () => {
  const volumes = [
    '.:/app',
    './data:/data',
    'cache:/var/lib/x:rw',
    './conf:/conf:ro',
    '/app/node_modules',
    './uploads:/up',
    '/run/docker.sock:/run/docker.sock',
  ]
  const long = [
    { type: 'bind', source: '/srv/files', target: '/files' },
    { type: 'tmpfs', target: '/y' },
  ]
  const { reasons } = guessSpec(
    sketch('shop', {
      'compose.yaml': json({
        services: {
          web: { image: 'node:24', command: 'node a.js', volumes: [...volumes, ...long] },
          db: { image: 'postgres', volumes: ['pg:/var/lib/postgresql'] },
        },
        volumes: { cache: null },
      }),
      'a.js': '',
      'uploads/': true,
    }),
  )
  const said = reasons.filter(reason => /lost with every deploy/.test(reason))
  assert.deepEqual(said, [
    'compose.yaml keeps ./data, cache, /srv/files: declare what must outlive a release under `stores:`; until then what the app writes there is lost with every deploy',
  ])
})

test('no value of .env is in what is written or said', () => {
  const { text, reasons } = guessSpec(
    sketch('shop', { 'server.js': '', 'package.json': '{}', '.env': 'KEY=hunter2\nPORT=hunter3\nEMPTY=\n hunter4\n' }),
  )
  assert.ok(!/hunter/.test(text + reasons.join()))
})

const DJANGO = { 'manage.py': true, 'shop/wsgi.py': true } as const
const settings = (name: string) => `import os
DATABASES = {
    # 'ENGINE': 'django.db.backends.postgresql',
    'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ${name}},
}
`
const DATABASES: [title: string, files: Record<string, string | true>, env: object | undefined, file: string | undefined, says: RegExp][] =
  [
    [
      'Django that opens a file of its own',
      { ...DJANGO, 'shop/settings.py': settings("os.path.join(str(BASE_DIR), 'main.sqlite3')") },
      { DATABASE: '${stores.data.path}' },
      'main.sqlite3',
      /settings\.py line 4 must read it: `'NAME': os\.environ\.get\('DATABASE', os\.path\.join\(str\(BASE_DIR\), 'main\.sqlite3'\)\)`.* lost with every deploy/,
    ],
    [
      'Django that opens what a variable names',
      { ...DJANGO, 'shop/settings/base.py': settings("os.environ.get('SHOP_DB', BASE_DIR / 'db.sqlite3')") },
      { SHOP_DB: '${stores.data.path}' },
      'db.sqlite3',
      /^(?!.*lost with every deploy)/s,
    ],
    [
      'Django that reads a URL',
      { ...DJANGO, 'shop/settings.py': "DATABASES = {'default': dj_database_url.config(default='sqlite:///db.sqlite3')}" },
      { DATABASE_URL: 'sqlite:///${stores.data.path}' },
      'db.sqlite3',
      /gets its path as DATABASE_URL/,
    ],
    [
      'Django on another database',
      { ...DJANGO, 'shop/settings.py': "DATABASES = {'default': {'ENGINE': 'x.postgresql'}}" },
      undefined,
      undefined,
      /./,
    ],
    [
      'Rails with several databases',
      {
        Gemfile: 'gem "rails"\n',
        'config/database.yml':
          'default: &default\n  adapter: sqlite3\n\nproduction:\n  primary:\n    <<: *default\n    database: storage/live.sqlite3\n  queue:\n    <<: *default\n    database: storage/queue.sqlite3\n',
      },
      { DATABASE_URL: 'sqlite3:${stores.data.path}' },
      'live.sqlite3',
      /its databases queue need stores .*QUEUE_DATABASE_URL.* lost with every deploy/,
    ],
    [
      'Rails that has another database in production',
      {
        Gemfile: 'gem "rails"\n',
        'config/database.yml': 'development:\n  adapter: sqlite3\nproduction:\n  adapter: postgresql\n  database: shop\n',
      },
      undefined,
      undefined,
      /./,
    ],
    [
      'Flask that opens a file by a URL',
      { 'requirements.txt': 'flask', 'app.py': "app = Flask()\nURI = 'sqlite:///shop.db'" },
      { DATABASE: 'sqlite:///${stores.data.path}' },
      'shop.db',
      /the app must open the file that DATABASE names; until then/,
    ],
  ]
for (const [title, files, env, file, says] of DATABASES)
  test(`the database is found of ${title}`, () => {
    const { text, reasons } = guessSpec(sketch('shop', files))
    const { spec } = parseSpec(text, { file: 'fettle.yaml' })
    assert.deepEqual([spec.services.web?.env, spec.stores.data], [env ?? {}, file && { sqlite: file }])
    assert.match(reasons.join('\n'), says)
  })

const UNRUN: [title: string, files: Record<string, string | true>, says: RegExp][] = [
  ['a PHP app', { 'composer.json': true, 'public/index.php': true }, /composer\.json: a PHP app.*php -S 127\.0\.0\.1:\$PORT -t public/],
  ['a Laravel app', { artisan: true, 'composer.json': true }, /artisan: .*php artisan serve/],
  ['a static site', { 'index.html': true }, /index\.html: a static site.*no static server today/],
  ['a site that is built', { 'package.json': json({ scripts: { build: 'x' } }) }, /build script and no start script: a static site.*dist/],
  ['a Java app', { 'pom.xml': true }, /pom\.xml: which jar/],
  ['a Rust library', { 'Cargo.toml': '[package]\nname = "x"\n' }, /Cargo\.toml names no binary/],
  ['a Deno app', { 'deno.json': true }, /deno\.json: which file starts/],
  ['an image that is used as it is', { Dockerfile: 'FROM nginx\nCOPY . /srv\n' }, /its base image \(nginx\) starts/],
  ['a compose file that builds', { 'compose.yaml': 'services: { web: { build: . } }' }, /compose\.yaml builds web here/],
  ['a compose file that is none', { 'compose.yaml': 'a: [' }, /compose\.yaml can not be read: Flow sequence .*line 1, column 5; mend it/],
  ['a folder of apps', { 'api/': true, 'api/package.json': true, 'site/Gemfile': true }, /an app in api, site: `fettle init api`/],
  [
    'npm workspaces',
    {
      'package.json': json({ workspaces: ['packages/*', './tools/one/'] }),
      'packages/api/': true,
      'packages/lib/': true,
      'packages/api/package.json': json({ scripts: { start: 'node api.js' } }),
      'packages/lib/package.json': '{}',
    },
    /packages\/api starts with `node api\.js`: `fettle init packages\/api`(?!.*packages\/lib)/,
  ],
  [
    'pnpm workspaces',
    { 'pnpm-workspace.yaml': 'packages: [web]\n', 'web/': true, 'web/package.json': json({ scripts: { start: 'x' } }) },
    /`fettle init web`/,
  ],
]
for (const [title, files, says] of UNRUN)
  test(`nothing to run is found in ${title}, and why is said`, () => {
    const { text, reasons, services } = guessSpec(sketch('shop', files))
    assert.deepEqual(services, [])
    assert.match(reasons.join('\n'), says)
    assert.match(reasons.join('\n'), /nothing says how the app starts/)
    parseSpec(text, { file: 'fettle.yaml' })
  })

test('no value that looks like a secret is taken over from a container', () => {
  const { text, reasons } = guessSpec(
    sketch('shop', { Dockerfile: 'FROM x\nENV KEY=hunter1 MAIL=smtp://me:hunter2@mail.example DB_PASS="hunter3"\nCMD ./shop\n' }),
  )
  assert.ok(!/hunter/.test(text + reasons.join()))
  assert.match(reasons.join('\n'), /look like secrets, not copied: KEY, MAIL, DB_PASS/)
})
