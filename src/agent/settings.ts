/** What the agent was told once and keeps: where the proxy listens, which ports services get. */
import * as z from 'zod'
import { FettleError } from '../core/errors.ts'
import type { Layout } from '../core/layout.ts'
import { readIfExists, writeFileAtomic } from '../lib/files.ts'

const Settings = z.strictObject({
  format: z.literal(1),
  http: z.strictObject({ host: z.string(), port: z.number().int().min(0).max(65_535) }),
  /** Below the system's range of outgoing ports. */
  ports: z.strictObject({ from: z.number().int(), to: z.number().int() }),
})
export type Settings = z.output<typeof Settings>

const DEFAULTS: Settings = { format: 1, http: { host: '127.0.0.1', port: 8080 }, ports: { from: 20_000, to: 29_999 } }

/** FETTLE_HTTP=host:port is taken over into the settings the first time. @throws FettleError SPEC_INVALID, VERSION */
export async function readSettings(paths: Layout, env: NodeJS.ProcessEnv): Promise<Settings> {
  const text = await readIfExists(paths.settings)
  if (text !== undefined) return parse(JSON.parse(text), paths.settings)
  const settings = env.FETTLE_HTTP === undefined ? DEFAULTS : { ...DEFAULTS, http: parseAddress(env.FETTLE_HTTP) }
  await writeFileAtomic(paths.settings, `${JSON.stringify(parse(settings, 'FETTLE_HTTP'), null, 2)}\n`, 0o600)
  return settings
}

function parse(value: unknown, where: string): Settings {
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined
  if (typeof format === 'number' && format > 1) {
    throw new FettleError('VERSION', `${where} was written by a newer fettle (format ${format})`, {
      hint: 'Update fettle on this machine.',
    })
  }
  const parsed = Settings.safeParse(value)
  if (parsed.success) return parsed.data
  throw new FettleError('SPEC_INVALID', `${where}: ${z.prettifyError(parsed.error)}`)
}

function parseAddress(text: string): Settings['http'] {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(text) ?? []
  if (host === '') throw new FettleError('USAGE', `FETTLE_HTTP=${text} is no address`, { hint: 'Write it as 127.0.0.1:8080.' })
  return { host, port: Number(port) }
}
