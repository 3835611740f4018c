import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guessSpec } from '../guess.ts'
import { parseSpec } from '../parse.ts'
import { withTools } from './commands.ts'
import type { FolderSketch } from './draft.ts'
import { onLoopback } from './loopback.ts'

const PYTHON: FolderSketch = {
  name: 'shop',
  files: ['manage.py'],
  texts: {
    'requirements.txt': '# node runs elsewhere\nDjango==5\ngunicorn\nstreamlit[x]>=1\nnewrelic',
    'package.json': '{ "dependencies": { "next": "15" }, "devDependencies": { "typescript": "5" } }',
  },
}
const POETRY: FolderSketch = {
  name: 'x',
  files: [],
  texts: { 'pyproject.toml': '[project]\ndependencies = ["mlflow>=2", "a"]\n[x]\nhuey = "^2"\n' },
}
const PLAIN: FolderSketch = { name: 'shop', files: ['manage.py'], texts: {} }
const RUBY: FolderSketch = { name: 'blog', files: [], texts: { Gemfile: 'gem \'rails\'\n  gem "anycable"\n' } }

const COMMANDS: [folder: FolderSketch, written: string, called: string][] = [
  [PYTHON, 'gunicorn shop.wsgi', '.venv/bin/gunicorn shop.wsgi'],
  [PYTHON, 'A=1 B="x y" exec celery -A shop worker', 'A=1 B="x y" exec .venv/bin/celery -A shop worker'],
  [PYTHON, 'python manage.py migrate && gunicorn x', '.venv/bin/python manage.py migrate && .venv/bin/gunicorn x'],
  [PYTHON, 'streamlit run a.py', '.venv/bin/streamlit run a.py'],
  [PYTHON, 'cd site && gunicorn x', 'PATH=$PWD/.venv/bin:$PATH; cd site && gunicorn x'],
  [PYTHON, 'sh -c "gunicorn x"', 'PATH=$PWD/.venv/bin:$PATH; sh -c "gunicorn x"'],
  [PYTHON, 'newrelic-admin run-program gunicorn x', 'PATH=$PWD/.venv/bin:$PATH; newrelic-admin run-program gunicorn x'],
  [PYTHON, 'cd site && ./run', 'cd site && ./run'],
  [PYTHON, 'echo "; gunicorn"', 'echo "; gunicorn"'],
  [PYTHON, '.venv/bin/gunicorn x', '.venv/bin/gunicorn x'],
  [PYTHON, 'bin/start gunicorn', 'bin/start gunicorn'],
  [PYTHON, 'next start; tsc', 'node_modules/.bin/next start; node_modules/.bin/tsc'],
  [PYTHON, 'node server.js', 'node server.js'],
  [PYTHON, 'npm start', 'npm start'],
  [POETRY, 'mlflow server', '.venv/bin/mlflow server'],
  [POETRY, 'huey x', '.venv/bin/huey x'],
  [PLAIN, 'python manage.py x', 'python3 manage.py x'],
  [PLAIN, 'gunicorn x', 'gunicorn x'],
  [RUBY, 'rails server', 'bundle exec rails server'],
  [RUBY, 'cd x && RAILS_ENV=production rake work', 'cd x && RAILS_ENV=production bundle exec rake work'],
  [RUBY, 'bundle exec puma', 'bundle exec puma'],
  [RUBY, 'bin/rails server', 'bin/rails server'],
  [RUBY, 'anycable', 'bundle exec anycable'],
]
for (const [folder, written, called] of COMMANDS)
  test(`\`${written}\` is called as \`${called}\` beside ${Object.keys(folder.texts)[0] ?? 'no list of packages'}`, () => {
    assert.equal(withTools(written, folder), called)
  })

const LISTENING: [written: string, here: string][] = [
  ['gunicorn -b 0.0.0.0:$PORT x', 'gunicorn -b 127.0.0.1:$PORT x'],
  ['gunicorn --bind=:$PORT x', 'gunicorn --bind=127.0.0.1:$PORT x'],
  ['gunicorn --workers 2 x', 'gunicorn --bind 127.0.0.1:$PORT --workers 2 x'],
  ['gunicorn -c conf.py x', 'gunicorn -c conf.py x'],
  ['uvicorn --host 0.0.0.0 --port ${PORT:-80} x', 'uvicorn --host 127.0.0.1 --port ${PORT:-80} x'],
  ['puma -b tcp://0.0.0.0:$PORT', 'puma -b tcp://127.0.0.1:$PORT'],
  ['rails s -b [::]:$PORT', 'rails s -b 127.0.0.1:$PORT'],
  ['waitress-serve --listen=*:$PORT x', 'waitress-serve --listen=127.0.0.1:$PORT x'],
  ['node a.js 10.0.0.0.0 *.js', 'node a.js 10.0.0.0.0 *.js'],
]
for (const [written, here] of LISTENING)
  test(`\`${written}\` listens by \`${here}\``, () => {
    assert.equal(onLoopback(written), here)
  })

test('a Procfile of Django starts from what its build installs, on loopback, and says so', () => {
  const texts = {
    Procfile: 'web: gunicorn --bind 0.0.0.0:$PORT shop.wsgi\nworker: celery -A shop worker\nrelease: python manage.py migrate\n',
    'requirements.txt': 'Django\ngunicorn\ncelery\n',
  }
  const { text, reasons } = guessSpec({ name: 'shop', files: ['Procfile', 'manage.py', 'requirements.txt'], texts })
  const { services, release } = parseSpec(text, { file: 'fettle.yaml' }).spec
  assert.deepEqual(
    [services.web?.run, services.worker?.run, release.migrate],
    ['.venv/bin/gunicorn --bind 127.0.0.1:$PORT shop.wsgi', '.venv/bin/celery -A shop worker', '.venv/bin/python manage.py migrate'],
  )
  assert.match(reasons.join('\n'), /service web: .*on 127\.0\.0\.1 only, or it would answer past the front/)
})
