/**
 * The main job before somebody's eyes: deploy, upgrade under load, refuse, give back, back up, prove, destroy, restore, roll back, in a
 * temporary folder with a home of its own. It uses fettle as a person does, by its command line; every figure is of this run.
 */
import { deployFirst, giveBack, openDoors, refuse, upgrade } from './deploying.ts'
import type { Figures } from './figures.ts'
import { backUp, drill, loseAndRestore, rollBack } from './keeping.ts'
import { makePlace, type Place, removePlace } from './place.ts'
import type { Terminal } from './terminal.ts'
import { Traffic } from './traffic.ts'

export interface DemoOptions {
  /** Leave everything running. */
  keep: boolean
  /** A terminal in the place's project, whose fettle uses the place's home. */
  openTerminal(place: Place): Terminal
}

export interface Demo {
  figures: Figures
  /** What befell the first few requests that were lost. */
  losses: string[]
  place: Place
  /** Of the front, and the name by which the guestbook is asked for there. */
  address: string
  host: string
}

const HOST = 'guestbook.localhost'

/** @throws FettleError what went wrong, CANCELLED when the person had enough; then nothing is left either */
export async function runDemo({ keep, openTerminal }: DemoOptions): Promise<Demo> {
  const place = await makePlace()
  const terminal = openTerminal(place)
  let isKept = false
  try {
    const played = await play(place, terminal)
    isKept = keep
    return { ...played, place }
  } finally {
    if (!isKept) {
      await terminal.close()
      await removePlace(place)
    }
  }
}

async function play(place: Place, terminal: Terminal): Promise<Omit<Demo, 'place'>> {
  const startedAt = performance.now()
  const { address, ...deploy } = await deployFirst(terminal)
  const traffic = new Traffic(address, HOST)
  const stage = { place, terminal, traffic, hasSandbox: deploy.noSandbox === undefined }
  try {
    await openDoors(stage)
    const acts = {
      upgrade: await upgrade(stage),
      refused: await refuse(stage),
      returned: await giveBack(stage),
      backup: await backUp(stage),
      drill: await drill(stage),
      restore: await loseAndRestore(stage),
      rollback: await rollBack(stage),
    }
    await traffic.stop()
    const figures = { seconds: Math.round(performance.now() - startedAt) / 1000, requests: traffic.since(0), deploy, ...acts }
    return { figures, losses: traffic.losses, address, host: HOST }
  } finally {
    await traffic.stop()
  }
}
