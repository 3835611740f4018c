import { rm } from 'node:fs/promises'
import type { Client } from '../../api/client.ts'
import type { About } from '../../api/views.ts'
import { FettleError } from '../../core/errors.ts'
import { formatBytes, plural } from '../../core/format.ts'
import { layout } from '../../core/layout.ts'
import { isOver } from '../../core/plan.ts'
import { agentArgv } from '../../lib/agent-argv.ts'
import { writeFileAtomic } from '../../lib/files.ts'
import { runInForeground } from '../../lib/foreground.ts'
import { agentEnvironment } from '../../lib/inherited.ts'
import { programPath } from '../../lib/program-path.ts'
import { startedFrom } from '../../lib/started-from.ts'
import type { Cli } from '../cli.ts'
import type { CommandDefinition } from '../command.ts'
import { commandLine } from '../command-line.ts'
import type { Style } from '../output/style.ts'
import { formatSpan } from '../output/time.ts'
import { confirm } from '../prompt.ts'
import { untilEnded } from '../until-ended.ts'

/** What an agent takes from the environment, once. */
const SETTINGS = ['FETTLE_HTTP', 'FETTLE_TRUSTED_PROXIES']

/** Those that say something else than what the agent that runs goes by, as far as it tells. */
const unheardSettings = (env: NodeJS.ProcessEnv, about: About): string[] =>
  SETTINGS.filter(name => (env[name] ?? '') !== '' && `http://${env[name]}` !== about.address)

export const agent: CommandDefinition = {
  example: { line: 'fettle agent enable', does: 'the agent, and with it every service, returns after a reboot' },
  subcommands: {
    status: {
      summary: 'whether it runs, since when, and whether it returns after a reboot',
      example: { line: 'fettle agent status --json', does: 'version, pid, home, address and memory as JSON' },
      async run(cli) {
        const { about } = await cli.connect({ start: false })
        cli.answer(about, style => aboutLines(about, cli.clock.now(), style))
        return 0
      },
    },
    start: {
      summary: 'start it, unless it runs; commands that change something, and plan, do so by themselves',
      example: { line: 'fettle agent start', does: 'an agent for this home, in a session of its own' },
      async run(cli) {
        const { about, started } = await cli.connect()
        cli.answer(about, style => [
          `${style.green('✓')} the agent ${started ? 'is started' : 'runs already'}: pid ${about.pid}, ${about.home}`,
        ])
        const unheard = started ? [] : unheardSettings(cli.io.env, about)
        if (unheard.length > 0)
          cli.warn(style => [
            `${style.yellow('⚠')} ${unheard.join(' and ')} ${unheard.length === 1 ? 'counts' : 'count'} only when an agent starts ${style.cyan('→')} \`fettle agent stop\`, then start it anew`,
          ])
        return 0
      },
    },
    stop: {
      summary: 'end it; what it runs goes on without it',
      options: [
        { flags: '--everything', says: 'end the front and every service too' },
        { flags: '-y, --yes', says: 'do not ask' },
      ],
      example: { line: 'fettle agent stop --everything', does: 'nothing that fettle runs is left; data, releases and snapshots stay' },
      async run(cli, given) {
        const everything = given.flag('everything')
        // What goes on without an agent is ended by one that has taken it over.
        const { client, about } = await cli.connect({ start: everything && startedFrom(cli.home) !== undefined })
        const brokenOff = everything ? await underWay(client) : []
        if (everything && !given.flag('yes') && !(await agreesToEndAll(cli, brokenOff))) return 0
        const { agentStopped } = layout(cli.home)
        await writeFileAtomic(agentStopped, '')
        const { ended } = await client.call('shutdown', { everything }).catch(async error => {
          await rm(agentStopped, { force: true })
          throw error
        })
        await untilEnded(about.pid)
        cli.answer({ ended, brokenOff }, style => [
          `${style.green('✓')} the agent ended${everything ? `, with ${plural(ended.length, 'service group')}` : '; services and the front go on'}`,
          ...brokenOff.map(operation => `${style.yellow('⚠')} ${operation} was broken off: it goes on with the next agent`),
        ])
        return 0
      },
    },
    upgrade: {
      summary: 'put this build in the place of the one that runs; nothing that goes on is interrupted',
      options: [{ flags: '--downgrade', says: 'also when the one that runs is of a newer version' }],
      example: { line: 'fettle agent upgrade', does: 'operations under way are carried on by the new agent' },
      async run(cli, given) {
        const { upgradeAgent } = await import('../upgrade.ts')
        const { before, now } = await upgradeAgent(cli, given.flag('downgrade'))
        const what = before.build === now.build ? 'is this build already' : `was fettle ${before.version}, now ${now.version}`
        cli.answer({ before, now }, style => [`${style.green('✓')} the agent ${what}: pid ${now.pid}, ${now.home}`])
        return 0
      },
    },
    enable: {
      summary: 'let it return after a reboot',
      example: { line: 'fettle agent enable', does: 'a systemd user unit, or a line of cron where systemd is not' },
      run: cli => enable(cli, true),
    },
    disable: {
      summary: 'do not let it return after a reboot',
      example: { line: 'fettle agent disable', does: 'takes away what `fettle agent enable` made' },
      run: cli => enable(cli, false),
    },
    run: {
      summary: 'run it here, in the foreground: for systemd, containers and debugging',
      example: { line: 'fettle agent run --home /var/lib/fettle', does: 'an agent that ends with this terminal, and prints its log here' },
      run,
    },
  },
}

/** What is killed with all that runs, with the step that it is at: `deploy op4 of shop/production (migrate the live data)`. */
async function underWay(client: Client): Promise<string[]> {
  const { operations } = await client.call('operations', { limit: 1000 })
  return operations
    .filter(({ state, plan }) => !isOver(state) && plan.kind !== 'bake')
    .map(({ id, plan, steps }) => {
      const titles = plan.steps.filter(step => steps.some(one => one.id === step.id && one.state === 'running')).map(({ title }) => title)
      return `${plan.kind} ${id} of ${plan.app}/${plan.environment}${titles.length === 0 ? '' : ` (${titles.join(', ')})`}`
    })
}

async function agreesToEndAll(cli: Cli, brokenOff: readonly string[]): Promise<boolean> {
  const operations = brokenOff.join(' and ')
  const also = (verb: string) => (operations === '' ? '' : `, and ${verb} off ${operations}`)
  if (cli.isInteractive) return confirm(cli, `End every service that fettle runs here${also('break')}?`, false)
  throw new FettleError('REFUSED', `ending every service${also('breaking')} needs to be agreed to`, {
    hint: `\`${commandLine(cli.argv)} --yes\` agrees.`,
  })
}

async function enable(cli: Cli, isEnabled: boolean): Promise<number> {
  const client = await cli.client()
  const { how } = await client.call('enable', { enable: isEnabled })
  cli.answer({ how }, style => [`${style.green('✓')} ${how}`])
  return 0
}

function run(cli: Cli): Promise<number> {
  const { env, signals } = cli.io
  return runInForeground(agentArgv(programPath('agent'), cli.home), { env: agentEnvironment(env), signals })
}

function aboutLines(about: About, now: number, style: Style): string[] {
  const boot = about.enabled === undefined ? `${style.yellow('it would not')} ${style.cyan('→')} \`fettle agent enable\`` : about.enabled
  const facts: [string, string][] = [
    ['version', about.version],
    ['pid', String(about.pid)],
    ['home', about.home],
    ['up', formatSpan(now - about.startedAt) || '0 s'],
    ['memory', formatBytes(about.memoryBytes)],
    ['front', about.address],
    ['reboot', boot],
  ]
  return facts.map(([name, text]) => `${style.dim(name.padEnd(8))} ${text}`)
}
