/**
 * A program that runs inside a sandbox's network and outside of its mounts. Unix sockets cross network namespaces, so it leads
 * each `<port>` in the first folder to that port here; the agent asks for one by a file `<port>.to` with the host. All mail sent
 * to this machine's ports for mail ends as a file in the second folder; not on 465, where it is said behind TLS, as nobody trusts us.
 */
import { randomUUID } from 'node:crypto'
import { createWriteStream, existsSync, readdirSync, readFileSync, renameSync, rmSync, watch } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { SMTPServer } from 'smtp-server'

const [, , sockets = '', mails = ''] = process.argv
/** The last one is told to apps. */
const MAIL_PORTS = [25, 587, 2525, 1025]
const led = new Set<string>()

function leadAll(): void {
  for (const name of readdirSync(sockets)) {
    const port = /^(\d+)\.to$/.exec(name)?.[1]
    if (port === undefined || led.has(port)) continue
    led.add(port)
    const path = join(sockets, port)
    // Of a relay before this one.
    rmSync(path, { force: true })
    const host = readFileSync(join(sockets, name), 'utf8').trim()
    createServer({ allowHalfOpen: true }, outside => lead(outside, host, Number(port))).listen(path)
  }
}

function lead(outside: Socket, host: string, port: number): void {
  const inside = connect({ host, port, allowHalfOpen: true })
  const end = () => {
    outside.destroy()
    inside.destroy()
  }
  outside.on('error', end)
  inside.on('error', end)
  outside.pipe(inside).pipe(outside)
}

async function keepMail(message: Readable): Promise<void> {
  const place = join(mails, randomUUID())
  await pipeline(message, createWriteStream(place, { mode: 0o600 }))
  renameSync(place, `${place}.eml`)
}

async function openSink(): Promise<SMTPServer> {
  const { SMTPServer } = await import('smtp-server')
  return new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    onAuth: (_credentials, _session, done) => done(null, { user: 'anybody' }),
    onData: (message, _session, done) => {
      keepMail(message).then(() => done(), done)
    },
  })
}

let sink: Promise<SMTPServer> | undefined

/** The mail server is loaded with the first connection: that takes longer than all else here, and most drills send nothing. */
function takeMail(socket: Socket): void {
  sink ??= openSink()
  sink.then(
    ({ server }) => server.emit('connection', socket),
    (error: Error) => socket.destroy(error),
  )
}

const everywhere = existsSync('/proc/net/if_inet6') ? '::' : '127.0.0.1'
for (const port of MAIL_PORTS) createServer(takeMail).listen(port, everywhere)
watch(sockets, leadAll)
leadAll()
