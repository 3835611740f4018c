/** Python: a virtual environment in the release, Django, FastAPI or Flask. Ruby: Bundler, Rails or Rack. */
import { hasVirtualEnvironment, pythonNeeds } from './commands.ts'
import { addBuild, addService, type Draft, type FolderSketch, MAIN_SERVICE, setMigration } from './draft.ts'

export function fromPython(sketch: FolderSketch, draft: Draft): void {
  const { files, texts } = sketch
  const needs = pythonNeeds(sketch)
  const from = texts['requirements.txt'] === undefined ? '.' : '-r requirements.txt'
  // Without a list of what it needs there is nothing to install, and the machine's own Python runs it.
  if (hasVirtualEnvironment(sketch))
    addBuild(draft, `python3 -m venv .venv && .venv/bin/pip install ${from}`, from === '.' ? 'pyproject.toml' : 'requirements.txt')
  else if (!files.includes('manage.py')) return
  if (files.includes('manage.py')) setMigration(draft, 'python manage.py migrate --noinput', 'manage.py')
  const [command, why] = pythonServer(sketch, needs) ?? []
  if (draft.services.size === 0 && command !== undefined) addService(draft, MAIN_SERVICE, command, why ?? '')
}

function pythonServer({ files, texts }: FolderSketch, needs: string): [command: string, why: string] | undefined {
  const wsgi = files.find(file => /^\w+\/wsgi\.py$/.test(file))
  const hasGunicorn = needs.includes('gunicorn')
  if (files.includes('manage.py')) {
    const isServable = wsgi !== undefined && hasGunicorn
    return isServable
      ? [`gunicorn --bind 127.0.0.1:$PORT ${wsgi.replace('/wsgi.py', '.wsgi')}`, `${wsgi} and gunicorn`]
      : ['python manage.py runserver --noreload 127.0.0.1:$PORT', 'manage.py; for production add gunicorn']
  }
  const module = ['main', 'app'].find(name => /^app\s*=/m.test(texts[`${name}.py`] ?? ''))
  if (module === undefined) return undefined
  if (/fastapi|starlette/.test(needs)) return [`uvicorn --host 127.0.0.1 --port $PORT ${module}:app`, `${module}.py`]
  if (hasGunicorn) return [`gunicorn --bind 127.0.0.1:$PORT ${module}:app`, `${module}.py and gunicorn`]
  return needs.includes('flask') ? [`flask --app ${module} run --port $PORT`, `${module}.py; for production add gunicorn`] : undefined
}

export function fromRuby({ files, texts }: FolderSketch, draft: Draft): void {
  const gems = texts.Gemfile
  if (gems === undefined) return
  addBuild(draft, 'bundle config set --local path vendor/bundle && bundle install', 'Gemfile')
  const isRails = /^\s*gem ['"]rails['"]/m.test(gems)
  if (isRails) setMigration(draft, 'bundle exec rails db:migrate', 'Rails in Gemfile')
  if (draft.services.size > 0) return
  if (isRails) addService(draft, MAIN_SERVICE, 'bundle exec rails server -b 127.0.0.1 -p $PORT', 'Rails in Gemfile')
  else if (files.includes('config.ru')) addService(draft, MAIN_SERVICE, 'bundle exec rackup -o 127.0.0.1 -p $PORT', 'config.ru')
}
