/** What root may do, others may not: tests that are about that become somebody else for a while. */
import type { TestOptions } from 'node:test'

const NOBODY = 65534

/** For a test that needs another user: only root can become one. */
export const asRoot: TestOptions = process.getuid?.() === 0 ? {} : { skip: 'only root can become another user' }

/** Files that are made meanwhile are that user's. Not beside other work of the same process. */
export async function asOtherUser<Result>(work: () => Promise<Result>): Promise<Result> {
  process.setegid?.(NOBODY)
  process.seteuid?.(NOBODY)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}
