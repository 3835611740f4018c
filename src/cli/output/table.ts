/**
 * Aligned columns. The last column is not padded; a column that is empty everywhere is left out. Where a line has no room, the last
 * column is cut if it may be; else each row is a block of lines, one a cell.
 */
import type { Style } from './style.ts'
import { padEnd, padStart, truncate, widthOf } from './width.ts'

/** Of a text that is cut: fewer say nothing. */
const LEAST_COLUMNS = 20

export interface Column<Row> {
  title: string
  /** May hold colours. */
  value(row: Row): string
  right?: boolean
  /** Free text: cut where a line has no room, rather than all rows made blocks for its sake. It is told in full elsewhere. */
  isCut?: true
}

export function table<Row>(rows: Row[], columns: Column<Row>[], style: Style): string[] {
  const cells = columns
    .map(column => ({ column, values: rows.map(row => column.value(row)) }))
    .filter(({ values }) => values.some(value => value !== ''))
    .map(({ column, values }) => ({ column, values, width: Math.max(widthOf(column.title), ...values.map(widthOf)) }))
  const line = (texts: string[]): string =>
    texts
      .map((text, index) => {
        const cell = cells[index]
        if (cell === undefined) return text
        return cell.column.right === true ? padStart(text, cell.width) : padEnd(text, index === cells.length - 1 ? 0 : cell.width)
      })
      .join('  ')
  const lines = [
    line(cells.map(({ column }) => style.dim(column.title))),
    ...rows.map((_, row) => line(cells.map(({ values }) => values[row] ?? ''))),
  ].map(text => text.trimEnd())
  const excess = Math.max(...lines.map(widthOf)) - style.columns
  if (excess <= 0) return lines
  const last = cells.at(-1)
  if (last?.column.isCut === true && last.width - excess >= LEAST_COLUMNS) return lines.map(text => truncate(text, style.columns))
  const [head, ...rest] = cells
  const titleWidth = Math.max(...rest.map(({ column }) => widthOf(column.title)))
  return rows.flatMap((_, row) => [
    head?.values[row] ?? '',
    ...rest
      .filter(({ values }) => values[row] !== '')
      .map(({ column, values }) => `  ${padEnd(style.dim(column.title.toLowerCase()), titleWidth)}  ${values[row]}`),
  ])
}
