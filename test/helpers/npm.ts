/** The npm client of this machine with a cache and a configuration of its own: ~/.npmrc and what npm itself told us do not matter. */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export class Npm {
  readonly #env: NodeJS.ProcessEnv
  readonly #folder: string
  readonly #registry: string

  /** @param folder for its cache and configuration */
  constructor(folder: string, registry: string) {
    const own = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))
    this.#folder = folder
    this.#registry = registry
    this.#env = {
      ...Object.fromEntries(own),
      npm_config_userconfig: join(folder, '.npmrc'),
      npm_config_cache: join(folder, 'cache'),
      npm_config_registry: registry,
      npm_config_noproxy: new URL(registry).hostname,
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      // A request that fails is a failure.
      npm_config_fetch_retries: '0',
    }
  }

  async run(args: string[], cwd: string): Promise<string> {
    return (await run('npm', args, { cwd, env: this.#env })).stdout
  }

  /** Signs up, as `npm login` does after it asked: https://docs.npmjs.com/cli/commands/npm-login. */
  async signUp(name: string, password: string): Promise<void> {
    const { href, host, pathname } = new URL(this.#registry)
    const user = { _id: `org.couchdb.user:${name}`, name, password, email: `${name}@example.com`, type: 'user', roles: [] }
    const headers = { 'content-type': 'application/json' }
    const reply = await fetch(new URL(`-/user/${user._id}`, href), { method: 'PUT', headers, body: JSON.stringify(user) })
    if (reply.status !== 201) throw new Error(`signing up was answered with ${reply.status} ${await reply.text()}`)
    const { token } = (await reply.json()) as { token: string }
    await mkdir(this.#folder, { recursive: true })
    await writeFile(join(this.#folder, '.npmrc'), `//${host}${pathname}:_authToken=${token}\n`, { mode: 0o600 })
  }
}

/** Why the registry of this machine can not be asked for a package, undefined when it can. */
export async function whyNoRegistry(spec: string): Promise<string | undefined> {
  try {
    await run('npm', ['view', spec, 'version', '--fetch-retries=0', '--fetch-timeout=20000'])
    return undefined
  } catch (error) {
    return `npm can not reach a registry that has ${spec}: ${(error as Error).message.split('\n').slice(1, 3).join(' ')}`
  }
}
