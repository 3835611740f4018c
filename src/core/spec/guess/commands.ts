/** On other platforms the tools that a build installs are on PATH; here they lie in the release, and the machine's PATH leads past them. */
import type { FolderSketch } from './draft.ts'
import { manifestOf } from './node.ts'

interface Tools {
  has(program: string): boolean
  /** The program, called from the top of the release. */
  call(program: string): string
  /** Where they lie; undefined: they are found from every folder. */
  folder?: string
}

const PYTHON = /^(python3?|pip3?|gunicorn|uvicorn|hypercorn|daphne|granian|waitress-serve|flask|django-admin|celery|rq|dramatiq|alembic)$/
const RUBY = /^(ruby|rails|rake|rackup|puma|unicorn|thin|falcon|sidekiq|resque|good_job|shoryuken)$/
/** Where the program has another name than its package. */
const NODE_PROGRAMS: Record<string, string> = {
  tsc: 'typescript',
  nest: '@nestjs/cli',
  strapi: '@strapi/strapi',
  sequelize: 'sequelize-cli',
  'remix-serve': '@remix-run/serve',
  'react-router-serve': '@react-router/serve',
  'pm2-runtime': 'pm2',
}

/** What its build installs, by the lists that lie there. */
export const hasVirtualEnvironment = (sketch: FolderSketch): boolean => pythonNeeds(sketch).trim() !== ''

export const pythonNeeds = ({ texts }: FolderSketch): string =>
  `${texts['requirements.txt'] ?? ''}\n${texts['pyproject.toml'] ?? ''}`.toLowerCase()

/** `gunicorn==23`, `gunicorn = "^23"`, `"gunicorn>=23"`: whichever file says so. */
const pythonPackages = (sketch: FolderSketch): string[] =>
  [
    ...pythonNeeds(sketch).matchAll(
      /^[ \t]*([a-z0-9][\w.-]*)[ \t]*(?=$|[[<>=!~;@#])|["']([a-z0-9][\w.-]*)[ \t]*(?:[[<>=!~;@][^"'\n]*)?["']/gm,
    ),
  ].map(([, plain, quoted]) => plain ?? quoted ?? '')

function toolsOf(sketch: FolderSketch): Tools[] {
  const tools: Tools[] = []
  const packages = new Set(pythonPackages(sketch))
  if (hasVirtualEnvironment(sketch)) tools.push(inFolder('.venv/bin', program => PYTHON.test(program) || packages.has(program)))
  else if (sketch.files.includes('manage.py')) tools.push({ has: program => program === 'python', call: () => 'python3' })
  const gemfile = sketch.texts.Gemfile
  const gems = new Set([...(gemfile ?? '').matchAll(/^\s*gem ['"]([\w-]+)/gm)].map(([, name = '']) => name))
  if (gemfile !== undefined)
    tools.push({ has: program => RUBY.test(program) || gems.has(program), call: program => `bundle exec ${program}` })
  const { dependencies = {}, devDependencies = {} } = manifestOf(sketch) ?? {}
  const installed = new Set(Object.keys({ ...dependencies, ...devDependencies }))
  const packageOf = (program: string): string => (Object.hasOwn(NODE_PROGRAMS, program) ? (NODE_PROGRAMS[program] ?? '') : program)
  tools.push(inFolder('node_modules/.bin', program => !/^(node|npm|npx)$/.test(program) && installed.has(packageOf(program))))
  return tools
}

const inFolder = (folder: string, has: Tools['has']): Tools => ({ has, folder, call: program => `${folder}/${program}` })

/** A program where a shell looks for one: at the beginning, behind `&&` and the like, behind variables and `exec`. Quoted text is none. */
const QUOTED = /"(?:\\.|[^"\\])*"|'[^']*'/
const PROGRAM = new RegExp(
  `${QUOTED.source}|(^|[;&|(])(\\s*(?:(?:[A-Za-z_]\\w*=(?:${QUOTED.source}|[^\\s"'])*|exec|env|nohup|time)\\s+)*)([A-Za-z][\\w.-]*)(?=[\\s;&|)]|$)`,
  'g',
)
/** From where `.venv/bin` means nothing, or what another program starts. */
const ELSEWHERE = /(^|[;&|(]\s*)cd\s|\bsh -\w*c\s|(^|\s)(newrelic-admin|ddtrace-run|opentelemetry-instrument)\s/

/** The command with each tool of the release found; unchanged where there is none. */
export function withTools(command: string, sketch: FolderSketch): string {
  return toolsOf(sketch).reduce((text, { has, call, folder }) => {
    if (folder !== undefined && ELSEWHERE.test(text))
      return (text.match(/[A-Za-z][\w.-]*/g) ?? []).some(has) ? `PATH=$PWD/${folder}:$PATH; ${text}` : text
    return text.replace(PROGRAM, (all, separator?: string, before = '', program = '') =>
      separator === undefined || !has(program) ? all : `${separator}${before}${call(program)}`,
    )
  }, command)
}
