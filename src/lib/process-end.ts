/** Whether a process that is not our child has ended. */
import { readFile } from 'node:fs/promises'

/** One that ended and that nobody has waited for yet still has its pid, and signals still reach it: only its state tells. */
export async function hasEnded(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '') // macOS has none
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
}
