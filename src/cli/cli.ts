/** What every command works with: where it runs, how it speaks, and the agent when it needs one. */

import { type Client, createClient } from '../api/client.ts'
import type { Answers, Request } from '../api/contract.ts'
import type { About } from '../api/views.ts'
import { isNewer } from '../core/version-order.ts'
import { systemClock } from '../lib/clock.ts'
import { ownBuild } from '../lib/program-path.ts'
import { version } from '../lib/version.ts'
import type { Clock } from '../ports/clock.ts'
import { type Connection, connect, isUnreachable, noAgent } from './agent.ts'
import { isForeground } from './foreground.ts'
import type { Given } from './given.ts'
import { homeOf, socketOf } from './home.ts'
import type { Io, OutputStream } from './io.ts'
import { columnsOf, createStyle, hasColour, isUnicode, type Style, toAscii } from './output/style.ts'
import { wrapLine } from './output/width.ts'

export class Cli {
  readonly io: Io
  /** As it was typed. */
  readonly argv: string[]
  readonly home: string
  readonly json: boolean
  readonly quiet: boolean
  readonly style: Style
  readonly clock: Clock
  readonly #errorStyle: Style
  #connection: Promise<Connection> | undefined
  #program: string | undefined

  constructor(io: Io, given: Given, argv: string[]) {
    const unicode = isUnicode(io.env)
    const forbidden = given.isOff('color')
    this.io = io
    this.argv = argv
    this.home = homeOf(given.text('home'), io.env, io.cwd)
    this.json = given.flag('json')
    this.quiet = given.flag('quiet')
    this.clock = io.clock ?? systemClock
    this.style = createStyle(!this.json && hasColour(io.stdout, io.env, forbidden), unicode, columnsOf(io.stdout))
    this.#errorStyle = createStyle(hasColour(io.stderr, io.env, forbidden), unicode, columnsOf(io.stderr))
  }

  /** Both ends are a person: questions can be asked and lines redrawn. */
  get isInteractive(): boolean {
    const { stdin, stdout, env } = this.io
    const hasTerminal = !this.json && !this.quiet && stdin.isTTY === true && stdout.isTTY === true && env.TERM !== 'dumb'
    return hasTerminal && isForeground()
  }

  /** The answer of a command that looks: one JSON document, or lines. */
  answer(value: unknown, lines: (style: Style) => string[]): void {
    if (this.json) this.io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
    else this.#writeBroken(this.io.stdout, lines(this.style), this.style)
  }

  /** One record of a stream of JSON lines. */
  record(value: unknown): void {
    this.io.stdout.write(`${JSON.stringify(value)}\n`)
  }

  /** A line of the answer itself, where it comes piece by piece. */
  print(line: string): void {
    this.#write(this.io.stdout, [line])
  }

  /** Lines for a person; not said with --json and --quiet. */
  say(...lines: string[]): void {
    if (!this.json && !this.quiet) this.#writeBroken(this.io.stdout, lines, this.style)
  }

  /** To standard error, whatever the form of the answer is. */
  warn(lines: (style: Style) => string[]): void {
    this.#writeBroken(this.io.stderr, lines(this.#errorStyle), this.#errorStyle)
  }

  /** Connects once. @throws FettleError AGENT_UNREACHABLE */
  connect(options: { start: boolean } = { start: true }): Promise<Connection> {
    const program = this.#program === undefined ? {} : { program: this.#program }
    this.#connection ??= connect(this.home, { ...options, ...program, env: this.io.env }).then(connection => {
      this.#compareBuilds(connection.about)
      return connection
    })
    return this.#connection
  }

  #compareBuilds({ version: running, build }: About): void {
    if (running === version && build === ownBuild()) return
    const what = running === version ? `another build of fettle ${running}` : `fettle ${running}, this is fettle ${version}`
    const next = isNewer(running, version) ? 'update this one' : '`fettle agent upgrade`'
    this.warn(style => [`${style.yellow(`the agent is ${what}`)} ${style.cyan('→')} ${next}`])
  }

  /** In one request, for nothing is waited for as often. @throws FettleError AGENT_UNREACHABLE */
  async status(target: Request<'status'>): Promise<Answers['status']> {
    try {
      const answer = await this.knownAgent().call('status', target)
      this.#compareBuilds(answer.agent)
      return answer
    } catch (error) {
      throw isUnreachable(error) ? noAgent(this.home) : error
    }
  }

  /** The agent that answers, if one does: not asked for its version, never started. */
  knownAgent(): Client {
    return createClient(socketOf(this.home))
  }

  /** After an agent went away: the next connection is a new one, to an agent of this program where one must be started. */
  disconnect(program: string | undefined): void {
    this.#connection = undefined
    this.#program = program
  }

  async client(options: { start: boolean } = { start: true }): Promise<Client> {
    return (await this.connect(options)).client
  }

  #writeBroken(stream: OutputStream, lines: string[], { columns }: Style): void {
    this.#write(
      stream,
      lines.flatMap(line => wrapLine(line, columns)),
    )
  }

  #write(stream: OutputStream, lines: string[]): void {
    const text = lines.map(line => `${line}\n`).join('')
    stream.write(this.style.unicode ? text : toAscii(text))
  }
}
