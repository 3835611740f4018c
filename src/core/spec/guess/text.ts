/** The draft as a file that a person goes on editing: in the order of the reference, a reason beside what was guessed. */
import { type Draft, type DraftService, MAIN_SERVICE } from './draft.ts'

export function draftText(draft: Draft): string {
  const { app, build, services, stores, secrets, migrate } = draft
  return [
    `app: ${scalar(app)}`,
    'source: .',
    ...(build.length === 0
      ? []
      : build.length === 1
        ? [`build: ${scalar(build[0] ?? '')}`]
        : ['build:', ...build.map(command => `  - ${scalar(command)}`)]),
    ...servicesLines(services),
    ...(stores.size === 0
      ? []
      : ['stores:', ...[...stores].map(([name, { kind, path, why }]) => `  ${name}: { ${kind}: ${scalar(path)} }${comment(why)}`)]),
    ...routeLines(draft),
    ...(secrets.length === 0 ? [] : [`secrets: [${secrets.map(scalar).join(', ')}]`]),
    ...(migrate === undefined ? [] : ['release:', `  migrate: ${scalar(migrate.command)}${comment(`${migrate.why}; must be repeatable`)}`]),
    '',
  ].join('\n')
}

function servicesLines(services: Draft['services']): string[] {
  if (services.size === 0)
    return [
      '# Nothing here says how the app starts. Such as:',
      '# services:',
      '#   web:',
      '#     run: ./my-app # gets PORT',
      '#     ready: { http: /health }',
    ]
  return [
    'services:',
    ...[...services].flatMap(([name, service]) => [`  ${scalar(name)}:`, ...serviceLines(service).map(line => `    ${line}`)]),
  ]
}

function serviceLines({ run, why, env, ready }: DraftService): string[] {
  const variables = Object.entries(env).map(([name, value]) => `  ${scalar(name)}: ${scalar(value)}`)
  return [
    `run: ${scalar(run)}${comment(why)}`,
    ...(variables.length === 0 ? [] : ['env:', ...variables]),
    ...(ready === undefined ? [] : [`ready: { http: ${scalar(ready)} }`]),
  ]
}

function routeLines({ app, services }: Draft): string[] {
  const service = services.has(MAIN_SERVICE) ? MAIN_SERVICE : undefined
  return service === undefined ? [] : ['routes:', `  - { host: ${app}.localhost, to: ${service} }`]
}

/** In one line, whatever a file is named. */
const comment = (text: string): string => ` # ${text.replace(/[\p{Cc}\u2028\u2029\ufffd]/gu, ' ')}`

/** Plain where YAML takes it for the same text, else in double quotes as JSON writes it. */
function scalar(text: string): string {
  const isPlain = /^[A-Za-z0-9./_][\w ./@=+-]*$/.test(text) && !/^[\d.+-]|^(true|false|null|yes|no|on|off|~)$|\s$/i.test(text)
  return isPlain || text === '.' ? text : JSON.stringify(text)
}
