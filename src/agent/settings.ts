/** What the agent was told once and keeps: where the proxy listens, which ports services get. */
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { FettleError } from '../core/errors.ts'
import type { Layout } from '../core/layout.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { readKept } from '../lib/kept-file.ts'
import { LOOPBACK, parseNetwork } from '../lib/network.ts'

const LAST_PORT = 65_535

const Settings = z.strictObject({
  format: z.literal(1),
  http: z.strictObject({ host: z.string(), port: z.number().int().min(0).max(LAST_PORT) }),
  /** Below the system's range of outgoing ports. */
  ports: z.strictObject({ from: z.number().int(), to: z.number().int() }),
  /** Proxies in front of the proxy, whose X-Forwarded-For and -Proto are believed: addresses and networks. */
  trust: z.array(z.string()).default(LOOPBACK),
})
export type Settings = z.output<typeof Settings>

const DEFAULTS = { format: 1, http: { host: '127.0.0.1', port: 8080 }, ports: { from: 20_000, to: 29_999 }, trust: LOOPBACK } as const

/**
 * As they were remembered, and what the environment says now: FETTLE_HTTP=host:port is where the front listens,
 * FETTLE_TRUSTED_PROXIES names who is believed.
 * @throws FettleError SPEC_INVALID, DAMAGED, VERSION, USAGE
 */
export async function readSettings(paths: Layout, env: NodeJS.ProcessEnv): Promise<Settings> {
  const saved = (await readSaved(paths)) ?? DEFAULTS
  const { FETTLE_HTTP: http, FETTLE_TRUSTED_PROXIES: trust } = env
  const asked = {
    ...(http === undefined ? {} : { http: parseAddress(http) }),
    ...(trust === undefined ? {} : { trust: parseTrust(trust) }),
  }
  const parsed = Settings.safeParse({ ...saved, ...asked })
  if (parsed.success) return parsed.data
  throw new FettleError('SPEC_INVALID', `the environment: ${z.prettifyError(parsed.error)}`)
}

/** To be called once they are known to do: what did not work must not be tried again at the next start. */
export async function rememberSettings(paths: Layout, settings: Settings): Promise<void> {
  if (isDeepStrictEqual(settings, await readSaved(paths))) return
  await writeFileAtomic(paths.settings, `${JSON.stringify(settings, null, 2)}\n`, 0o600)
}

async function readSaved(paths: Layout): Promise<Settings | undefined> {
  const hint = 'Move it away: the agent starts with the defaults, and FETTLE_HTTP=host:port says again where the front listens.'
  return readKept({ path: paths.settings, schema: Settings, hint })
}

function parseAddress(text: string): Settings['http'] {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(text) ?? []
  if (host === '') throw new FettleError('USAGE', `FETTLE_HTTP=${text} is no address`, { hint: 'Write it as 127.0.0.1:8080.' })
  if (Number(port) > LAST_PORT)
    throw new FettleError('USAGE', `FETTLE_HTTP=${text}: there is no port ${port}`, {
      hint: `Ports go from 1 to ${LAST_PORT}; 0 takes any free one. Write it as 127.0.0.1:8080.`,
    })
  return { host, port: Number(port) }
}

/** `loopback` and `none` are words for what is meant most often. */
function parseTrust(text: string): string[] {
  const words = text.split(/[\s,]+/).filter(word => word !== '')
  const wrong = words.find(word => word !== 'loopback' && word !== 'none' && parseNetwork(word) === undefined)
  if (words.length === 0 || wrong !== undefined)
    throw new FettleError('USAGE', `FETTLE_TRUSTED_PROXIES=${text} names no ${wrong === undefined ? 'proxy' : `address: ${wrong}`}`, {
      hint: 'Write addresses and networks, such as 10.0.0.5,192.168.0.0/16; loopback for this machine, none for nobody.',
    })
  return words.flatMap(word => (word === 'loopback' ? LOOPBACK : word === 'none' ? [] : [word]))
}
