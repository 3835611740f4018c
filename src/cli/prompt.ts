/** Questions to a person at a terminal. */
import { FettleError } from '../core/errors.ts'
import type { Cli } from './cli.ts'
import { KEY, listenKeys } from './keyboard.ts'

type OnLine = (line: string) => void

/**
 * Yes or no with one key; Enter takes the default, but not behind another word: somebody who types `stop` does not mean yes. `onLine` hears
 * of each line that is left. @throws FettleError CANCELLED on Ctrl-C
 */
export async function confirm(cli: Cli, text: string, byDefault: boolean, onLine: OnLine = () => {}): Promise<boolean> {
  const { bold, dim } = cli.style
  const question = `${bold(text)} ${dim(byDefault ? '[Y/n]' : '[y/N]')} `
  let isOtherWord = false
  const isYes = await read(cli, `\n${question}`, key => {
    if (key === KEY.escape || key === KEY.ctrlD) return false
    const isEnter = key === KEY.enter || key === KEY.newline
    if (isEnter && isOtherWord) cli.io.stdout.write(dim('y or n? '))
    else if (isEnter) return byDefault
    else if (!isOtherWord && /^[yn]$/i.test(key)) return key.toLowerCase() === 'y'
    isOtherWord = !isEnter
    return undefined
  })
  cli.io.stdout.write(isYes ? 'yes\n' : 'no\n')
  for (const line of ['', question]) onLine(line)
  return isYes
}

/** What may lose data is agreed to by typing the environment's name. */
export async function confirmByName(cli: Cli, name: string, onLine: OnLine = () => {}): Promise<boolean> {
  const question = `${cli.style.bold(`Type ${name} to go on:`)} `
  cli.io.stdout.write('\n')
  const typed = await readLine(cli, question, true)
  for (const line of ['', question + typed]) onLine(line)
  return typed === name
}

/** A value that is never shown. */
export const askHidden = (cli: Cli, question: string): Promise<string> => readLine(cli, question, false)

async function readLine(cli: Cli, question: string, isShown: boolean): Promise<string> {
  const { stdout } = cli.io
  let typed: string[] = []
  const line = await read(cli, question, key => {
    if (key === KEY.enter || key === KEY.newline || key === KEY.ctrlD) return typed.join('')
    const before = typed.length
    if (key === KEY.backspace || key === '\b') typed = typed.slice(0, -1)
    else if (key === KEY.ctrlU) typed = []
    else if (key >= ' ' && !key.startsWith(KEY.escape)) typed.push(key)
    if (isShown) stdout.write(typed.length > before ? key : '\b \b'.repeat(before - typed.length))
    return undefined
  })
  stdout.write('\n')
  return line
}

/** Hands over keys until one of them decides. It asks when nothing is echoed any more: whoever answers at once is not seen. */
function read<Answer>(cli: Cli, question: string, decide: (key: string) => Answer | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string): void => {
      stop()
      cli.io.stdout.write('\n')
      reject(new FettleError('CANCELLED', `${why}: nothing was changed`))
    }
    let isDecided = false
    const stop = listenKeys(
      cli.io.stdin,
      key => {
        if (isDecided) return
        if (key === KEY.ctrlC) return refuse('cancelled by Ctrl-C')
        const answer = decide(key)
        if (answer === undefined) return
        isDecided = true
        stop()
        resolve(answer)
      },
      () => refuse('the terminal went away'),
    )
    cli.io.stdout.write(question)
  })
}
