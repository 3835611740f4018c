/** Every command by name. A command's own module is loaded when it is used, so that each starts fast. */
import type { CommandDefinition } from './command.ts'

export interface CommandEntry {
  group: 'Describe' | 'Deploy' | 'Look' | 'Keep' | 'Set up'
  summary: string
  load(): Promise<CommandDefinition>
}

export const commands: Record<string, CommandEntry> = {
  plan: { group: 'Deploy', summary: 'what a deploy would change', load: async () => (await import('./commands/plan.ts')).plan },
  deploy: {
    group: 'Deploy',
    summary: 'bring an environment to what the file says',
    load: async () => (await import('./commands/deploy.ts')).deploy,
  },
  status: {
    group: 'Look',
    summary: 'what runs, how it is, and what is wrong',
    load: async () => (await import('./commands/status.ts')).status,
  },
  operations: {
    group: 'Look',
    summary: 'what fettle did and does: list, show, follow, resume, cancel',
    load: async () => (await import('./commands/operations.ts')).operations,
  },
}
