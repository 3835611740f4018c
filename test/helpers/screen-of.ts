/** What a terminal of a given size shows after some output: the few sequences that we write, and the breaking of long lines. */

export function screenOf(output: string, columns: number, rows: number): string[] {
  let lines: string[][] = Array.from({ length: rows }, () => [])
  let [row, column] = [0, 0]
  const down = (): void => {
    if (row < rows - 1) row++
    else lines = [...lines.slice(1), []]
  }
  const put = (character: string): void => {
    if (column >= columns) {
      column = 0
      down()
    }
    const line = lines[row] ?? []
    while (line.length < column) line.push(' ')
    line[column++] = character
  }
  const sequences = new RegExp(`${'\u001b'}\\[(\\??)([0-9;]*)([A-Za-z])|[\\s\\S]`, 'gu')
  for (const [token, isPrivate, numbers = '', letter] of output.matchAll(sequences)) {
    const count = Number(numbers || 1)
    if (isPrivate === '?') continue
    if (letter === 'A') row = Math.max(0, row - count)
    else if (letter === 'B') row = Math.min(rows - 1, row + count)
    else if (letter === 'H') [row, column] = [0, 0]
    else if (letter === 'K') lines[row]?.splice(column)
    else if (letter === 'J') {
      lines[row]?.splice(column)
      for (let below = row + 1; below < rows; below++) lines[below] = []
    } else if (letter !== undefined) continue
    else if (token === '\r') column = 0
    else if (token === '\n') down()
    else if (token === '\b') column = Math.max(0, column - 1)
    else if (token >= ' ') put(token)
  }
  return lines.map(line => line.join('').trimEnd())
}
