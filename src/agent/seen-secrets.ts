/**
 * Every value that an app was ever given, sealed in the home: what a log holds is hidden also after the agent started anew, and after
 * the secret was replaced or removed. No age file: opening one takes the agent 14 MB and a tenth of a second at each start.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { FettleError } from '../core/errors.ts'
import { refuseNewer } from '../core/file-format.ts'
import type { Layout } from '../core/layout.ts'
import { writeFileAtomic } from '../lib/files.ts'

const CIPHER = 'chacha20-poly1305'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

const FORMAT = 2

export interface SeenSecret {
  value: string
  /** That were given it; undefined where that was not kept. */
  apps?: string[] | undefined
}

const Values = z.discriminatedUnion('format', [
  z.strictObject({ format: z.literal(1), values: z.array(z.string()) }),
  z.strictObject({
    format: z.literal(FORMAT),
    values: z.array(z.strictObject({ value: z.string(), apps: z.array(z.string()).optional() })),
  }),
])

export class SeenSecrets {
  readonly #paths: Pick<Layout, 'seenSecrets' | 'seenSecretsKey'>

  constructor(paths: Pick<Layout, 'seenSecrets' | 'seenSecretsKey'>) {
    this.#paths = paths
  }

  /** @throws FettleError DAMAGED when there is a list that can not be read: logs would show what is in it; VERSION */
  async read(): Promise<SeenSecret[]> {
    const { seenSecrets, seenSecretsKey } = this.#paths
    const sealed = await readBytes(seenSecrets)
    if (sealed === undefined) return []
    try {
      const list = JSON.parse(unseal(await readFile(seenSecretsKey), sealed))
      refuseNewer(list.format, FORMAT, seenSecrets)
      const { format, values } = Values.parse(list)
      return format === 1 ? values.map(value => ({ value })) : values
    } catch (error) {
      if (error instanceof FettleError) throw error
      // The cause could quote what was opened.
      throw new FettleError(
        'DAMAGED',
        `${seenSecrets} can not be opened with ${seenSecretsKey}: what apps print of earlier secrets could not be hidden`,
        {
          hint: `Bring both back; or, if logs may show earlier secrets, remove ${seenSecrets}.`,
        },
      )
    }
  }

  async write(values: Iterable<SeenSecret>): Promise<void> {
    const { seenSecrets, seenSecretsKey } = this.#paths
    const key = (await readBytes(seenSecretsKey)) ?? randomBytes(KEY_BYTES)
    await writeFileAtomic(seenSecretsKey, key, 0o600)
    await writeFileAtomic(seenSecrets, seal(key, JSON.stringify({ format: FORMAT, values: [...values] })), 0o600)
  }
}

/** Nonce, tag, and what was sealed. */
function seal(key: Buffer, text: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  const sealed = Buffer.concat([cipher.update(text), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed])
}

function unseal(key: Buffer, sealed: Buffer): string {
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString()
}

async function readBytes(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
