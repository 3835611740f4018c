/** The file of `fettle plan --out`: the request, and the plan it led to. `fettle deploy --plan` carries out that plan or none. */
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { OperationRequest } from '../api/contract.ts'
import { FettleError, toFettleError } from '../core/errors.ts'
import { refuseNewer } from '../core/file-format.ts'
import type { Plan } from '../core/plan.ts'
import { writeFileAtomic } from '../lib/files.ts'

const FORMAT = 1

export interface SavedPlan {
  format: typeof FORMAT
  request: OperationRequest
  plan: Plan
}

/** Holds no secret value, but the whole of the file's environment: for its owner alone. */
export async function savePlan(cwd: string, name: string, content: Omit<SavedPlan, 'format'>): Promise<void> {
  const saved: SavedPlan = { format: FORMAT, ...content }
  const path = resolve(cwd, name)
  if (!existsSync(dirname(path)))
    throw new FettleError('NOT_FOUND', `the plan can not be saved: there is no folder ${dirname(path)}`, {
      hint: 'Make it first, or name a file in one that is there.',
    })
  await writeFileAtomic(path, `${JSON.stringify(saved, undefined, 2)}\n`, 0o600).catch(error => {
    throw toFettleError(error, `save the plan as ${path}`)
  })
}

export const removePlan = (cwd: string, name: string): Promise<void> => rm(resolve(cwd, name))

/** @throws FettleError NOT_FOUND, USAGE when it is no plan, VERSION */
export async function readSavedPlan(cwd: string, name: string): Promise<SavedPlan> {
  const path = resolve(cwd, name)
  const text = await readFile(path, 'utf8').catch(error => {
    const isMissing = error.code === 'ENOENT' || error.code === 'ENOTDIR'
    const { code, message } = toFettleError(error, `reading the plan ${path}`)
    throw new FettleError(isMissing ? 'NOT_FOUND' : code, isMissing ? `there is no plan ${path}` : message, {
      cause: error,
      hint: '`fettle plan --out <file>` saves one.',
    })
  })
  const saved = parse(text)
  if (typeof saved?.format !== 'number' || saved.plan === undefined)
    throw new FettleError('USAGE', `${path} is no saved plan`, { hint: '`fettle plan --out <file>` saves one.' })
  refuseNewer(saved.format, FORMAT, path)
  return saved as SavedPlan
}

function parse(text: string): { format?: number; plan?: unknown } | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
