/** Values of secrets that were written into the file as well, where everybody who has the project reads them. */
import type { Json } from '../core/json.ts'
import type { SecretRef } from '../core/secret.ts'
import type { Spec } from '../core/spec/schema.ts'
import { isTooShort } from '../lib/redact-forms.ts'
import { isWordLike } from '../lib/word-like.ts'
import type { SecretStore } from '../ports/secrets.ts'

/** For a plan, a warning each. What people write anyway, such as `admin`, is no sign of it. @throws FettleError as `open` of the store does */
export async function plainSecrets(
  store: Pick<SecretStore, 'open'>,
  refs: readonly SecretRef[],
  { spec, fileName }: { spec: Spec; fileName: string },
): Promise<string[]> {
  const texts = [...textsOf(spec as Json, [])]
  const warnings = refs.map(async ref => {
    const value = (await store.open(ref)).reveal().trim()
    if (isTooShort(value) || isWordLike(value)) return []
    const places = texts.filter(({ text }) => text.includes(value)).map(({ path }) => path)
    return places.length === 0 ? [] : [`the value of secret ${ref.name} stands in ${fileName} in plain text (${places.join(', ')})`]
  })
  return (await Promise.all(warnings)).flat()
}

function* textsOf(value: Json | undefined, path: string[]): Generator<{ path: string; text: string }> {
  if (typeof value === 'string') yield { path: path.join('.'), text: value }
  if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) yield* textsOf(inner as Json, [...path, key])
}
