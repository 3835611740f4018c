/** The page of every key of `fettle.yaml`, made from the JSON Schema, which is made from the one schema. */
import { SYSTEM_FOLDERS } from '../src/core/program-path.ts'
import { type JsonSchema, specJsonSchema } from '../src/core/spec/json-schema.ts'

const INTRODUCTION = `# fettle.yaml

*Made from the schema by \`npm run reference\`; a test fails when it is stale. \`fettle schema\` prints the JSON Schema for editors.*

- Every key that is not here is refused, except those that begin with \`x-\`; YAML anchors, aliases and \`<<\` work. \`fettle validate\` shows every problem at once, the first hundred with their places.
- A **duration** is written \`250ms\`, \`30s\`, \`1h30m\`, \`7d\`; a **size** \`2kB\` (1000), \`256M\` or \`256MiB\` (1024 × 1024), or a number of bytes.
- Values of \`env\` may hold \`\${stores.<name>.path}\`, \`\${secrets.<NAME>}\`, \`\${environment}\`, \`\${app}\` and \`\${release}\`; \`$\${\` is a plain \`\${\`.
  In a command \`\${stores.<name>.path}\` works too; \`\${PORT}\` and the like are the shell's; secrets are refused, because everybody who lists processes would see them.
- Builds, services and \`fettle run\` find programs in a PATH that is the same whoever deploys: the folder of fettle's own Node, then \`${SYSTEM_FOLDERS.join(':')}\`; nothing of your shell's.
  Another: \`PATH=$HOME/.local/bin:$PATH pnpm start\` as the command, or \`PATH\` in the \`env\` of the service, whole, which \`fettle run\` then has too. So an app can have a Node of its own.
- \`environments\` says what differs: maps merge, lists and single values replace, \`null\` removes. Every environment is validated, whichever is used.
`

/** Top-level keys with a section of their own, and the words before the table. */
const SECTIONS: Record<string, string> = {
  services: 'Each has a name of its own: `services.web.run`.',
  stores: 'Each has a name of its own and one of these keys.',
  routes: 'A list of these.',
  secrets: 'A list of names, or a map from names to these.',
  release: '',
  backups: '',
}

export function renderReference(schema: JsonSchema = specJsonSchema()): string {
  const keys = schema.properties ?? {}
  const plain = Object.fromEntries(Object.entries(keys).filter(([key]) => !(key in SECTIONS)))
  const sections = Object.entries(SECTIONS).map(([key, words]) => {
    const section = keys[key] ?? {}
    return [
      `## ${key}`,
      [capital(section.description ?? ''), words]
        .filter(text => text !== '')
        .join('. ')
        .replace(/\.?$/, '.'),
      table(rowsIn(section, '')),
    ].join('\n\n')
  })
  const top = table(rowsIn({ properties: plain, required: schema.required ?? [] }, ''))
  return [INTRODUCTION, top, ...sections, ''].join('\n').replace(/\n{3,}/g, '\n\n')
}

type Row = [key: string, type: string, fallback: string, meaning: string]

function table(rows: Row[]): string {
  const lines = [['Key', 'Type', 'Default', 'Meaning'], ['---', '---', '---', '---'], ...rows]
  return `${lines.map(cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}\n`
}

/** Keys of a map, of the things in a list or map of things, of every alternative. */
function rowsIn(schema: JsonSchema, prefix: string): Row[] {
  const things = [schema.items, typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined]
  // What an alternative requires, the whole does not.
  const alternatives = (schema.anyOf ?? []).map(alternative => ({ ...alternative, required: [] }))
  const inner = [...things, ...alternatives]
  const own = Object.entries(schema.properties ?? {}).flatMap(([key, property]): Row[] => {
    const path = `${prefix}${key}`
    const isRequired = schema.required?.includes(key) ?? false
    const nested = key === 'environments' ? [] : rowsIn(property, `${path}${isList(property) ? '[].' : '.'}`)
    return [
      [
        `\`${path}\``,
        typeOf(property),
        isRequired ? '**required**' : fallbackOf(property),
        (property.description ?? '').replaceAll('<', '\\<'),
      ],
      ...nested,
    ]
  })
  return [...own, ...inner.flatMap(one => (one === undefined ? [] : rowsIn(one, prefix)))]
}

const isList = (schema: JsonSchema): boolean => schema.type === 'array'

function fallbackOf({ default: fallback }: JsonSchema): string {
  const isEmpty = fallback === undefined || (typeof fallback === 'object' && JSON.stringify(fallback).length === 2)
  if (isEmpty) return ''
  return `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback).replaceAll('"', '').replaceAll(/[:,]/g, '$& ')}\``
}

function typeOf(schema: JsonSchema): string {
  if (schema.title !== undefined) return schema.title
  if (schema.enum !== undefined) return schema.enum.map(value => `\`${value}\``).join(', ')
  if (schema.const !== undefined) return `\`${schema.const}\``
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeOf))].join(' or ')
  if (isList(schema)) return `list of ${typeOf(schema.items ?? {})}s`.replace('texts', 'text')
  return [schema.type ?? '']
    .flat()
    .map(type => ({ string: 'text', integer: 'whole number', boolean: '`true`, `false`', object: 'map' })[type] ?? type)
    .join(' or ')
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`
