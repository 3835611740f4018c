/**
 * A client on a bare socket that never sends anything twice: a request whose whole answer does not come is lost. It opens a
 * new connection when it has seen the end of its last one.
 */
import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  status: number
  body: string
}

export class RawClient {
  readonly #port: number
  readonly #keepsAlive: boolean
  #socket: Socket | undefined

  constructor(port: number, keepsAlive: boolean) {
    this.#port = port
    this.#keepsAlive = keepsAlive
  }

  /** Rejects when it is lost. */
  async ask(method: 'GET' | 'POST', host = 'bench'): Promise<RawAnswer> {
    const socket = this.#socket ?? (await this.#connect())
    const connection = this.#keepsAlive ? 'keep-alive' : 'close'
    const body = method === 'POST' ? 'Content-Length: 4\r\n\r\nping' : '\r\n'
    return new Promise((resolve, reject) => {
      let got = ''
      const lost = () => {
        socket.destroy()
        reject(new Error(`lost after ${got.length} bytes`))
      }
      const onData = (chunk: Buffer) => {
        got += chunk.toString('latin1')
        const answer = wholeAnswer(got)
        if (answer === undefined) return
        socket.off('data', onData).off('close', lost).off('end', lost)
        if (!this.#keepsAlive || /^connection: close/im.test(got)) this.close()
        resolve(answer)
      }
      socket.on('data', onData).once('close', lost).once('end', lost)
      socket.write(`${method} / HTTP/1.1\r\nHost: ${host}\r\nConnection: ${connection}\r\n${body}`)
    })
  }

  async #connect(): Promise<Socket> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    const forget = () => {
      if (this.#socket === socket) this.#socket = undefined
    }
    socket
      .on('error', () => {})
      .on('end', forget)
      .on('close', forget)
    this.#socket = socket
    return socket
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }
}

function wholeAnswer(got: string): RawAnswer | undefined {
  const end = got.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const length = Number(/content-length: (\d+)/i.exec(got)?.[1])
  const body = got.slice(end + 4)
  return body.length < length ? undefined : { status: Number(got.slice(9, 12)), body }
}
