/** The steps that make a release: the source fetched, built in its final place, and recorded together with its secrets. */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { canonicalJson } from '../../core/json.ts'
import type { Release } from '../../core/release.ts'
import { shellArgv } from '../../core/shell-command.ts'
import type { Spec } from '../../core/spec/schema.ts'
import { stepKind } from '../../engine/step.ts'
import { fsyncFolder, readIfExists, writeFileAtomic } from '../../lib/files.ts'
import { removeTree } from '../../lib/remove-tree.ts'
import { endCommand, forgetLost, runToSuccess } from '../commands.ts'
import { readRelease, removeRelease, writeRelease } from '../environment.ts'
import { releaseFolder } from '../groups.ts'
import type { World } from '../world.ts'

/** The resolved spec travels in the plan, so that what was shown is what is done; its shape was checked when it was parsed. */
const SpecInput = z.custom<Spec>(value => typeof value === 'object' && value !== null)

const Fetched = z.object({ key: z.string(), digest: z.string(), source: z.string() })

/** A source is built once for the same commands; the same digest with other commands is another artifact. */
const artifactKey = (digest: string, build: string[]): string =>
  createHash('sha256')
    .update(canonicalJson([digest, build]))
    .digest('hex')
    .slice(0, 24)

/** Written when an artifact is complete; without it the folder is a half-made one. */
export const sealPath = (folder: string): string => `${folder}.json`

const sourceFetch = (world: World) =>
  stepKind({
    kind: 'source.fetch@1',
    input: z.object({ spec: SpecInput, project: z.string(), leaveOut: z.array(z.string()).default([]) }),
    cancel: 'now',
    silentForMs: 60_000,
    async observe(_input, { operation }) {
      const marker = await readIfExists(join(world.layout.artifacts(operation.app, operation.environment), `${operation.id}.fetched`))
      return marker === undefined ? 'partial' : { present: Fetched.parse(JSON.parse(marker)) }
    },
    async run({ spec, project, leaveOut }, { operation, signal, fault, progress }) {
      const folder = world.layout.artifacts(operation.app, operation.environment)
      const partial = join(folder, `${operation.id}.partial`)
      await removeTree(partial)
      await mkdir(partial, { recursive: true })
      const fetched = await world.source(spec, project, leaveOut).fetch(partial, signal)
      progress(`${fetched.files} files`)
      await fault('copied')
      const key = artifactKey(fetched.digest, [...world.source(spec, project).build, ...spec.build])
      const final = join(folder, key)
      if ((await readIfExists(sealPath(final))) === undefined) {
        await removeTree(final)
        await rename(partial, final)
        await fsyncFolder(folder)
      }
      const output = { key, digest: fetched.digest, source: fetched.description }
      await writeFileAtomic(join(folder, `${operation.id}.fetched`), JSON.stringify(output))
      await removeTree(partial)
      return output
    },
    async undo(_input, { operation }, output) {
      const folder = world.layout.artifacts(operation.app, operation.environment)
      const marker = join(folder, `${operation.id}.fetched`)
      const fetched =
        output ?? (await readIfExists(marker).then(text => (text === undefined ? undefined : Fetched.parse(JSON.parse(text)))))
      if (fetched !== undefined && (await readIfExists(sealPath(join(folder, fetched.key)))) === undefined) {
        await removeTree(join(folder, fetched.key))
      }
      await removeTree(join(folder, `${operation.id}.partial`))
      await rm(marker, { force: true })
    },
  })

const artifactBuild = (world: World) =>
  stepKind({
    kind: 'artifact.build@1',
    input: z.object({ fetched: Fetched, build: z.array(z.string()), withinMs: z.number().default(3_600_000) }),
    cancel: 'now',
    silentForMs: 120_000,
    async observe({ fetched }, { operation }) {
      const folder = world.layout.artifact(operation.app, operation.environment, fetched.key)
      return (await readIfExists(sealPath(folder))) === undefined ? 'partial' : { present: { key: fetched.key, built: false } }
    },
    async run({ fetched, build, withinMs }, context) {
      const { app, environment } = context.operation
      const folder = world.layout.artifact(app, environment, fetched.key)
      for (const [index, command] of build.entries()) {
        context.progress(command, index, build.length)
        await forgetLost(world, context, String(index))
        await runToSuccess(
          world,
          context,
          `build command \`${command}\``,
          { argv: shellArgv(command), cwd: folder, env: world.buildEnvironment, timeoutMs: withinMs },
          String(index),
        )
      }
      await context.fault('built')
      await writeFileAtomic(sealPath(folder), JSON.stringify({ format: 1, ...fetched, build, builtAt: world.clock.now() }))
      await rm(join(dirname(folder), `${context.operation.id}.fetched`), { force: true })
      return { key: fetched.key, built: build.length > 0 }
    },
    async undo({ build }, context) {
      for (const index of build.keys()) await endCommand(world, context, String(index))
    },
  })

const releaseWrite = (world: World) =>
  stepKind({
    kind: 'release.write@1',
    input: z.object({
      release: z.custom<Omit<Release, 'artifact' | 'createdAt'>>(value => typeof value === 'object' && value !== null),
      artifact: Fetched,
    }),
    cancel: 'at-end',
    silentForMs: 10_000,
    async observe({ release }, { operation }) {
      const present = await readRelease(world, release.app, release.environment, release.id)
      if (present === undefined) return 'absent'
      return present.operation === operation.id ? { present: { release: release.id } } : 'foreign'
    },
    async run(input, { operation, fault }) {
      const release: Release = { ...input.release, operation: operation.id, createdAt: world.clock.now(), artifact: input.artifact }
      await mkdir(world.layout.release(release.app, release.environment, release.id), { recursive: true })
      if (release.secrets.length > 0) await keepSecrets(world, release)
      await fault('secrets-copied')
      await writeRelease(world, release)
      return { release: release.id }
    },
    async undo({ release }, { operation }) {
      const present = await readRelease(world, release.app, release.environment, release.id)
      if (present === undefined || present.operation === operation.id)
        await removeRelease(world, release.app, release.environment, release.id)
    },
  })

async function keepSecrets(world: World, release: Release): Promise<void> {
  const name = join('secrets', `${release.environment}.age`)
  const copy = join(releaseFolder(world, release), name)
  await mkdir(dirname(copy), { recursive: true, mode: 0o700 })
  await copyFile(join(dirname(release.file), name), copy)
}

export const releaseKinds = (world: World) => [sourceFetch(world), artifactBuild(world), releaseWrite(world)]
