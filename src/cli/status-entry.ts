import type { CommandEntry } from './command.ts'

export const statusEntry: CommandEntry = {
  group: 'Look',
  summary: 'what runs, how it is, and what is wrong',
  load: async () => (await import('./commands/status.ts')).status,
}
