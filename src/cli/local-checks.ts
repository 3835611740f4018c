/** What the command line can see of this machine without an agent: why none would start. */
import { constants } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { DoctorItem } from '../api/views.ts'
import { FettleError } from '../core/errors.ts'
import { formatBytes } from '../core/format.ts'
import { socketOf } from './home.ts'

const NODE = 24
const WARN_FREE_BYTES = 2 * 1024 ** 3
const FAIL_FREE_BYTES = 200 * 1024 ** 2

export async function localChecks(home: string): Promise<DoctorItem[]> {
  const folder = await nearestFolder(home)
  return [nodeCheck(process.versions.node), socketCheck(home), await homeCheck(home, folder), await diskCheck(folder)]
}

export function nodeCheck(version: string): DoctorItem {
  if (Number.parseInt(version, 10) >= NODE) return { name: 'node', state: 'ok', text: `Node ${version}` }
  return {
    name: 'node',
    state: 'fail',
    text: `Node ${version}, ${NODE} is needed`,
    fix: 'Start fettle by its launcher `./fettle`: it brings the right Node.',
  }
}

function socketCheck(home: string): DoctorItem {
  try {
    const socket = socketOf(home)
    return { name: 'socket', state: 'ok', text: socket }
  } catch (error) {
    if (!(error instanceof FettleError)) throw error
    return { name: 'socket', state: 'fail', text: error.message, ...(error.hint === undefined ? {} : { fix: error.hint }) }
  }
}

async function homeCheck(home: string, folder: string): Promise<DoctorItem> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return { name: 'home', state: 'ok', text: folder === home ? home : `${home} will be made` }
  } catch (error) {
    return {
      name: 'home',
      state: 'fail',
      text: `${folder} is not writable: ${(error as Error).message}`,
      fix: 'Choose another folder with --home or FETTLE_HOME.',
    }
  }
}

async function diskCheck(folder: string): Promise<DoctorItem> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  const state = free < FAIL_FREE_BYTES ? 'fail' : free < WARN_FREE_BYTES ? 'warn' : 'ok'
  return {
    name: 'disk',
    state,
    text: `${formatBytes(free)} free`,
    ...(state === 'ok' ? {} : { fix: 'Free some space: deploys and backups need it.' }),
  }
}

/** The home itself, or where it would be made. */
async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const exists = await access(folder).then(
      () => true,
      () => false,
    )
    if (exists || dirname(folder) === folder) return folder
  }
}
