import { runtimeConformance } from '../../../../test/conformance/runtime.ts'
import { Secret } from '../../../core/secret.ts'
import { systemClock } from '../../../lib/clock.ts'
import type { Command, Group } from '../../../ports/runtime.ts'
import { createMemoryRuntime } from './index.ts'
import { type Behaviour, MemoryMachine } from './machine.ts'

/** The suite's programs, spelled as a word and its arguments. */
function behave(program: Group | Command): Behaviour {
  const [word, first = '', second] = program.argv
  const text = (value: Command['stdin']) =>
    (value instanceof Secret ? value.reveal() : typeof value === 'string' ? value : '').replace(/\n$/, '')
  if (word === 'serve') return { serves: () => ({ status: Number(first) }) }
  if (word === 'print') return { exits: Number(second), prints: first }
  if (word === 'print-variable') return { exits: 0, prints: text(program.env[first]) }
  if (word === 'copy') return { exits: 0, prints: 'stdin' in program ? text(program.stdin) : '' }
  return 'waits'
}

runtimeConformance('memory', async () => {
  const machine = new MemoryMachine()
  return {
    cwd: '/',
    open: async () => createMemoryRuntime({ clock: systemClock, behave, machine }),
    programs: {
      serve: status => ['serve', String(status)],
      print: (text, code) => ['print', text, String(code)],
      printVariable: name => ['print-variable', name],
      copy: ['copy'],
      wait: ['wait'],
    },
    dispose: async () => undefined,
  }
})
