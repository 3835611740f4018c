/**
 * Every value that an app was ever given, sealed in the home: what a log holds is hidden also after the agent started anew, and after
 * the secret was replaced or removed. No age file: opening one takes the agent 14 MB and a tenth of a second at each start.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { FettleError } from '../core/errors.ts'
import type { Layout } from '../core/layout.ts'
import { writeFileAtomic } from '../lib/files.ts'

const CIPHER = 'chacha20-poly1305'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

const Values = z.strictObject({ format: z.literal(1), values: z.array(z.string()) })

export class SeenSecrets {
  readonly #paths: Pick<Layout, 'seenSecrets' | 'seenSecretsKey'>

  constructor(paths: Pick<Layout, 'seenSecrets' | 'seenSecretsKey'>) {
    this.#paths = paths
  }

  /** @throws FettleError DAMAGED when there is a list that can not be read: logs would show what is in it */
  async read(): Promise<string[]> {
    const { seenSecrets, seenSecretsKey } = this.#paths
    const sealed = await readBytes(seenSecrets)
    if (sealed === undefined) return []
    try {
      return Values.parse(JSON.parse(unseal(await readFile(seenSecretsKey), sealed))).values
    } catch {
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

  async write(values: Iterable<string>): Promise<void> {
    const { seenSecrets, seenSecretsKey } = this.#paths
    const key = (await readBytes(seenSecretsKey)) ?? randomBytes(KEY_BYTES)
    await writeFileAtomic(seenSecretsKey, key, 0o600)
    await writeFileAtomic(seenSecrets, seal(key, JSON.stringify({ format: 1, values: [...values] })), 0o600)
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
