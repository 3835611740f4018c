/** Folders in which nothing was found that runs: what was seen instead, and what a person can do about it. */
import type { Draft, FolderSketch } from './draft.ts'
import { manifestOf } from './node.ts'
import { workspaceManifests } from './workspaces.ts'

export function sayUnrun(sketch: FolderSketch, draft: Draft): void {
  if (draft.services.size > 0) return
  const seen = [php(sketch), java(sketch), deno(sketch), ...packages(sketch), staticSite(sketch)].filter(said => said !== undefined)
  draft.reasons.push(...seen, 'nothing says how the app starts: `services:` is left to you')
}

function php({ files }: FolderSketch): string | undefined {
  const sign = ['artisan', 'composer.json', 'index.php', 'public/index.php'].find(file => files.includes(file))
  if (sign === undefined) return undefined
  const inPublic = files.includes('public/index.php') ? ' -t public' : ''
  const command = sign === 'artisan' ? 'php artisan serve --host 127.0.0.1 --port $PORT' : `php -S 127.0.0.1:$PORT${inPublic}`
  return `${sign}: a PHP app, and fettle brings no server for PHP; add one as a service, to try it out \`${command}\``
}

function java({ files }: FolderSketch): string | undefined {
  const sign = ['pom.xml', 'build.gradle', 'build.gradle.kts'].find(file => files.includes(file))
  return sign && `${sign}: which jar its build leaves can not be read from it; add the build and a service such as \`java -jar <the jar>\``
}

function deno({ files }: FolderSketch): string | undefined {
  const sign = ['deno.json', 'deno.jsonc'].find(file => files.includes(file))
  return sign && `${sign}: which file starts the app is not known; add a service such as \`deno run --allow-net --allow-env <the file>\``
}

/** A monorepo, or a folder with apps below it: each is looked at on its own. */
function packages(sketch: FolderSketch): string[] {
  const workspaces = workspaceManifests(sketch)
  const starting = workspaces.flatMap(path => {
    const start = manifestOf(sketch, path)?.scripts.start
    const folder = path.replace(/\/package\.json$/, '')
    return start === undefined ? [] : [`${folder} starts with \`${start}\`: \`fettle init ${folder}\``]
  })
  if (starting.length > 0) return [`package.json is of workspaces, and each app has a file of its own. ${starting.join('; ')}`]
  if (workspaces.length > 0) return ['package.json is of workspaces; none that was found has a start script']
  const below = sketch.files.flatMap(
    file => /^([^/]+)\/(?:package\.json|Procfile|manage\.py|requirements\.txt|Gemfile|go\.mod|Dockerfile)$/.exec(file)?.[1] ?? [],
  )
  const folders = [...new Set(below)]
  return folders.length === 0 ? [] : [`there may be an app in ${folders.join(', ')}: \`fettle init ${folders[0]}\` looks there`]
}

function staticSite(sketch: FolderSketch): string | undefined {
  const isBuilt = manifestOf(sketch)?.scripts.build !== undefined
  if (!isBuilt && !sketch.files.includes('index.html')) return undefined
  const [sign, folder] = isBuilt ? ['package.json has a build script and no start script', ' --directory dist'] : ['index.html', '']
  return `${sign}: a static site, it seems, and fettle runs no static server today; add one as a service, such as \`python3 -m http.server --bind 127.0.0.1${folder} $PORT\``
}
