/**
 * What of an environment goes on to what is started from it. The agent lives long and starts services and builds: what it gets must not
 * depend on the shell that happened to start it, and no token of that shell may end in a service.
 */

/** How this machine reaches the network and its npm registry. Secrets of a registry stay in the file that npm reads. */
const NETWORK = /^(NODE_EXTRA_CA_CERTS|SSL_CERT_\w+|(HTTPS?|NO|ALL)_PROXY|npm_config_(registry|cache|userconfig|globalconfig|cafile))$/i
const PERSON = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|XDG_\w+|FETTLE_\w+)$/

export const agentEnvironment = (env: NodeJS.ProcessEnv): Record<string, string> => pick(env, [PERSON, NETWORK])

/** For builds, which fetch: services get nothing that their file does not name. */
export const buildEnvironment = (env: NodeJS.ProcessEnv): Record<string, string> => pick(env, [NETWORK])

function pick(env: NodeJS.ProcessEnv, kept: RegExp[]): Record<string, string> {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return Object.fromEntries(entries.filter(([name]) => kept.some(pattern => pattern.test(name))))
}
