/**
 * `node scripts/terminal-picture.ts <file.cast> <file.svg>`: draws a recorded terminal. The picture shows the end of the run, then plays
 * it again, faster, for as long as somebody looks; where nothing moves (print, reduced motion), it stays at the end. Light and dark follow the reader.
 */
import { readFile } from 'node:fs/promises'
import { writeFileAtomic } from '../src/lib/files.ts'
import { type Line, readCast } from './cast.ts'

const [, , source = '', target = ''] = process.argv

const CELL = { width: 8.4, height: 20 }
const FONT_SIZE = 14
const PADDING = 22
const BAR = 34
/** Waiting is no news: time runs faster, and no pause is longer than this. Seconds. */
const SPEED = 3
const LONGEST_PAUSE = 0.8
/** The end is shown first, and again when it was played. */
const STILL = 7

const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const round = (value: number): number => Math.round(value * 100) / 100

/** Each run at its own column, stretched to its cells: fonts differ in width, grids do not. */
function drawLine({ runs }: Line, row: number): string {
  const y = round(row * CELL.height + CELL.height * 0.72)
  return runs
    .filter(run => run.text.trim() !== '')
    .map(run => {
      const lead = run.text.length - run.text.trimStart().length
      const text = run.text.trim()
      const x = round((run.column + lead) * CELL.width)
      const style = run.styles.length === 0 ? '' : ` class="${run.styles.join(' ')}"`
      return `<text x="${x}" y="${y}" textLength="${round([...text].length * CELL.width)}"${style}>${escapeXml(text)}</text>`
    })
    .join('')
}

interface Moment {
  /** Seconds of the picture's own time. */
  at: number
  /** Lines that are there from then on. */
  lines: number
}

function momentsOf(lines: Line[]): Moment[] {
  const moments: Moment[] = []
  let at = STILL
  let before = lines[0]?.seconds ?? 0
  for (const [index, { seconds }] of lines.entries()) {
    const pause = Math.min((seconds - before) / SPEED, LONGEST_PAUSE)
    before = seconds
    const last = moments.at(-1)
    at += pause
    if (pause < 0.02 && last !== undefined) last.lines = index + 1
    else moments.push({ at, lines: index + 1 })
  }
  return moments
}

/** How far the text has gone up, and down to where it is uncovered, at each moment. */
function keyframes(moments: Moment[], total: number, rows: number): { scroll: string; reveal: string; seconds: number } {
  const seconds = (moments.at(-1)?.at ?? 0) + STILL
  const stop = (at: number, y: number): string => `${round((100 * at) / seconds)}%{transform:translateY(${round(y)}px)}`
  const up = (lines: number): number => -Math.max(0, lines - rows) * CELL.height
  const steps = [{ at: 0, lines: total }, ...moments.filter(({ lines }) => lines < total), { at: moments.at(-1)?.at ?? 0, lines: total }]
  return {
    scroll: steps.map(({ at, lines }) => stop(at, up(lines))).join(''),
    reveal: steps.map(({ at, lines }) => stop(at, lines * CELL.height)).join(''),
    seconds: round(seconds),
  }
}

function style({ scroll, reveal, seconds }: ReturnType<typeof keyframes>, end: { scroll: number; reveal: number }): string {
  const colours = (values: Record<string, string>): string =>
    Object.entries(values)
      .map(([name, value]) => `--${name}:${value}`)
      .join(';')
  const light = {
    paper: '#ffffff',
    edge: '#d0d7de',
    ink: '#1f2328',
    dim: '#6e7781',
    red: '#cf222e',
    green: '#1a7f37',
    yellow: '#9a6700',
    cyan: '#0969da',
  }
  const dark = {
    paper: '#0d1117',
    edge: '#30363d',
    ink: '#e6edf3',
    dim: '#7d8590',
    red: '#ff7b72',
    green: '#3fb950',
    yellow: '#d29922',
    cyan: '#58a6ff',
  }
  return `svg{${colours(light)}}
@media(prefers-color-scheme:dark){svg{${colours(dark)}}}
text{font:${FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;fill:var(--ink);white-space:pre}
.bold{font-weight:600}.dim{fill:var(--dim)}.red{fill:var(--red)}.green{fill:var(--green)}.yellow{fill:var(--yellow)}.cyan{fill:var(--cyan)}
.paper{fill:var(--paper)}.edge{fill:none;stroke:var(--edge)}.dot{fill:var(--edge)}
.text{transform:translateY(${end.scroll}px);animation:scroll ${seconds}s step-end infinite}
.cover{transform:translateY(${end.reveal}px);animation:reveal ${seconds}s step-end infinite}
@keyframes scroll{${scroll}}
@keyframes reveal{${reveal}}
@media(prefers-reduced-motion:reduce){.text,.cover{animation:none}}`
}

export function picture(cast: string): string {
  const { title, columns, rows, lines } = readCast(cast)
  const frames = keyframes(momentsOf(lines), lines.length, rows)
  const end = { scroll: -Math.max(0, lines.length - rows) * CELL.height, reveal: lines.length * CELL.height }
  const [width, height] = [Math.ceil(columns * CELL.width + 2 * PADDING), rows * CELL.height + BAR + PADDING]
  const inner = { width: width - 2, height: rows * CELL.height }
  const dots = [0, 1, 2].map(index => `<circle class="dot" cx="${PADDING + index * 18}" cy="${BAR / 2}" r="5.5"/>`).join('')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}: the recorded run of a terminal">
<style>${style(frames, end)}</style>
<clipPath id="view"><rect x="1" y="${BAR}" width="${inner.width}" height="${inner.height}"/></clipPath>
<rect class="paper" width="${width}" height="${height}" rx="8"/>${dots}
<text class="dim" x="${width / 2}" y="${BAR / 2 + 5}" text-anchor="middle">${escapeXml(title)}</text>
<g clip-path="url(#view)"><g transform="translate(${PADDING} ${BAR})"><g class="text">
${lines.map(drawLine).filter(Boolean).join('\n')}
<rect class="paper cover" x="-${PADDING}" width="${width}" height="${lines.length * CELL.height + height}"/>
</g></g></g>
<rect class="edge" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
</svg>
`
}

await writeFileAtomic(target, picture(await readFile(source, 'utf8')))
