/** Reads an asciicast of lines: what was printed, in which style, at what time. */

export interface Run {
  column: number
  text: string
  styles: string[]
}

export interface Line {
  /** Since the beginning. */
  seconds: number
  runs: Run[]
}

export interface Cast {
  title: string
  columns: number
  rows: number
  lines: Line[]
}

const STYLES: Record<string, string> = { 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 33: 'yellow', 35: 'magenta', 36: 'cyan' }
/** 22 ends bold and dim, 39 a colour, 0 everything. */
const ENDS: Record<string, (style: string) => boolean> = {
  0: () => true,
  22: style => style === 'bold' || style === 'dim',
  39: style => style !== 'bold' && style !== 'dim',
}

export function readCast(text: string): Cast {
  const [head = '{}', ...events] = text.trimEnd().split('\n')
  const { title = '', width = 80, height = 24 }: { title?: string; width?: number; height?: number } = JSON.parse(head)
  const lines = events.map(event => {
    const [seconds, , output]: [number, string, string] = JSON.parse(event)
    return { seconds, runs: runsOf(output.replace(/\r?\n$/, '')) }
  })
  return { title, columns: width, rows: height, lines }
}

/** A line as pieces of one style each. */
export function runsOf(line: string): Run[] {
  const runs: Run[] = []
  let styles: string[] = []
  let column = 0
  for (const [index, part] of line.split(new RegExp(`${'\u001b'}\\[([0-9;]*)m`)).entries()) {
    if (index % 2 === 1) {
      for (const code of part === '' ? ['0'] : part.split(';')) styles = changed(styles, code)
    } else if (part !== '') {
      runs.push({ column, text: part, styles })
      column += [...part].length
    }
  }
  return runs
}

function changed(styles: string[], code: string): string[] {
  const style = STYLES[code]
  const isEnded = ENDS[code] ?? (() => false)
  return style === undefined ? styles.filter(other => !isEnded(other)) : [...styles.filter(other => other !== style), style]
}
