/** What the agent was told once and keeps: where the proxy listens, which ports services get. */
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { FettleError } from '../core/errors.ts'
import { refuseNewer } from '../core/file-format.ts'
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

/** FETTLE_HTTP=host:port says where the front listens, and is remembered. @throws FettleError SPEC_INVALID, VERSION, USAGE */
export async function readSettings(paths: Layout, env: NodeJS.ProcessEnv): Promise<Settings> {
  const text = await readIfExists(paths.settings)
  const saved = text === undefined ? undefined : parse(JSON.parse(text), paths.settings)
  const asked = env.FETTLE_HTTP === undefined ? {} : { http: parseAddress(env.FETTLE_HTTP) }
  const settings = { ...(saved ?? DEFAULTS), ...asked }
  if (!isDeepStrictEqual(settings, saved))
    await writeFileAtomic(paths.settings, `${JSON.stringify(parse(settings, 'FETTLE_HTTP'), null, 2)}\n`, 0o600)
  return settings
}

function parse(value: unknown, where: string): Settings {
  refuseNewer((value as { format?: unknown } | null)?.format, 1, where)
  const parsed = Settings.safeParse(value)
  if (parsed.success) return parsed.data
  throw new FettleError('SPEC_INVALID', `${where}: ${z.prettifyError(parsed.error)}`)
}

function parseAddress(text: string): Settings['http'] {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(text) ?? []
  if (host === '') throw new FettleError('USAGE', `FETTLE_HTTP=${text} is no address`, { hint: 'Write it as 127.0.0.1:8080.' })
  return { host, port: Number(port) }
}
