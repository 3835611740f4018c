/** Bytes on a connection, for what no HTTP client would send. */
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** Sends the text and gives back all that came until the other side closed, or until `isEnough`. */
export async function rawAsk(port: number, text: string, isEnough: (got: string) => boolean = () => false): Promise<string> {
  const socket = await rawConnect(port)
  socket.write(text, 'latin1')
  const got = await readUntil(socket, isEnough)
  socket.destroy()
  return got
}

export async function rawConnect(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.on('error', () => {})
  return socket
}

/** Until the text is enough or the other side closed. */
export function readUntil(socket: Socket, isEnough: (got: string) => boolean): Promise<string> {
  return new Promise(resolve => {
    let got = ''
    const onData = (chunk: Buffer) => {
      got += chunk.toString('latin1')
      if (isEnough(got)) end()
    }
    const end = () => {
      socket.off('data', onData).off('close', end)
      resolve(got)
    }
    socket.on('data', onData).once('close', end)
  })
}

/** Waits for what has no event; fails after half a minute. */
export async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 3_000; i++) {
    if (await isSo()) return
    await delay(10)
  }
  throw new Error(`${what}: not within 30 s`)
}
