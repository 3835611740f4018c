/** From a request to a plan, and from an ended operation to what it brings about: the one list of what fettle can do. */
import type { Basis, OperationKind, OperationRecord, Plan } from '../core/plan.ts'
import { type StepKinds, stepKinds } from '../engine/step.ts'
import { planBackup, planDrill } from './backup.ts'
import { planBake, planReturn } from './bake.ts'
import { announce, requireBasis, sealPlan } from './basis.ts'
import { type DeployRequest, planDeploy } from './deploy.ts'
import { planRestart, planScale, planStop } from './restart.ts'
import { planRestore, type RestoreRequest } from './restore.ts'
import { planRollback, type RollbackRequest } from './rollback.ts'
import { planRun, planTest, type RunRequest, runKinds } from './run.ts'
import { bakeKinds } from './steps/bake.ts'
import { collectKinds } from './steps/collect.ts'
import { groupKinds } from './steps/groups.ts'
import { migrateKinds } from './steps/migrate.ts'
import { proofKinds } from './steps/proof.ts'
import { rehearseKinds } from './steps/rehearse.ts'
import { releaseKinds } from './steps/release.ts'
import { routeKinds } from './steps/route.ts'
import { settleKinds } from './steps/settle.ts'
import { snapshotKinds } from './steps/snapshot.ts'
import { testKinds } from './steps/tests.ts'
import type { TargetRequest } from './target.ts'
import type { World } from './world.ts'

export type PlanRequest =
  | ({ kind: 'deploy' } & DeployRequest)
  | ({ kind: 'rollback' } & RollbackRequest)
  | ({ kind: 'restore' } & RestoreRequest)
  | ({ kind: 'restart' | 'stop' | 'down' | 'test' } & TargetRequest)
  | ({ kind: 'scale'; instances: Record<string, number> } & TargetRequest)
  | ({ kind: 'backup'; label?: string | undefined; newRepository?: boolean | undefined } & TargetRequest)
  | ({ kind: 'drill'; snapshot: string } & TargetRequest)
  | ({ kind: 'run' } & RunRequest)

/** @param basis of a plan that was shown or saved: nothing but that one will do. @throws FettleError CONFLICT */
export async function makePlan(world: World, request: PlanRequest, basis?: Basis): Promise<Plan> {
  const plan = sealPlan(await planFor(world, request))
  if (basis !== undefined) requireBasis(plan, basis)
  return announce(plan, basis)
}

function planFor(world: World, request: PlanRequest): Promise<Plan> {
  switch (request.kind) {
    case 'deploy':
      return planDeploy(world, request)
    case 'rollback':
      return planRollback(world, request)
    case 'restore':
      return planRestore(world, request)
    case 'restart':
      return planRestart(world, request)
    case 'scale':
      return planScale(world, request)
    case 'stop':
    case 'down':
      return planStop(world, request, request.kind)
    case 'backup':
      return planBackup(world, request)
    case 'drill':
      return planDrill(world, request)
    case 'test':
      return planTest(world, request)
    case 'run':
      return planRun(world, request)
  }
}

/** What an ended operation brings about. Asked again after a crash, so it looks at the world, not at what it did before. */
export async function followUps(world: World, ended: OperationRecord): Promise<Plan[]> {
  if (ended.state !== 'done') return []
  const plan = await followUp(world, ended)
  return plan === undefined ? [] : [plan]
}

async function followUp(world: World, ended: OperationRecord): Promise<Plan | undefined> {
  const kind: OperationKind = ended.plan.kind
  if (kind === 'bake') return planReturn(world, ended)
  if (kind === 'deploy') return (await planReturn(world, ended)) ?? planBake(world, ended)
  return undefined
}

export const allKinds = (world: World): StepKinds =>
  stepKinds(
    releaseKinds(world),
    snapshotKinds(world),
    proofKinds(world),
    rehearseKinds(world),
    migrateKinds(world),
    groupKinds(world),
    testKinds(world),
    routeKinds(world),
    settleKinds(world),
    collectKinds(world),
    bakeKinds(world),
    runKinds(world),
  )
