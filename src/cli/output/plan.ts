/** A plan as people read it: what will be different, the steps with the pivot marked, and what it endangers. */
import type { Plan, PlanLine } from '../../core/plan.ts'
import type { Style } from './style.ts'
import { printable } from './width.ts'

const MARKS: Record<PlanLine['tone'], string> = { plain: ' ', add: '+', change: '~', remove: '-', warn: '!' }

export const planLines = (plan: Plan, style: Style): string[] =>
  plan.empty ? differenceLines(plan, style) : [...differenceLines(plan, style), '', ...stepLines(plan, style)]

export const headLine = ({ kind, app, environment }: Plan, style: Style): string =>
  `${style.bold(`${kind} ${app}`)} ${style.dim('→')} ${style.bold(environment)}`

export function differenceLines(plan: Plan, style: Style): string[] {
  return [
    headLine(plan, style),
    ...plan.lines.map(line => differenceLine(line, style)),
    ...(plan.empty && plan.lines.length === 0 ? [`  ${style.dim('nothing to do: it is as the file says')}`] : []),
    ...(plan.confirm === undefined ? [] : ['', `${style.red('⚠')} ${style.bold(printable(plan.confirm))}`]),
  ]
}

function differenceLine({ text, tone }: PlanLine, style: Style): string {
  const paint = { plain: (plain: string) => plain, add: style.green, change: style.yellow, remove: style.red, warn: style.yellow }[tone]
  return `  ${paint(MARKS[tone])} ${tone === 'plain' ? printable(text) : paint(printable(text))}`
}

export function stepLines(plan: Plan, style: Style): string[] {
  const digits = String(plan.steps.length).length
  return plan.steps.flatMap((step, index) => [
    ...(step.pivot ? [pivotLine(style)] : []),
    `  ${style.dim(String(index + 1).padStart(digits))} ${printable(step.title)}`,
  ])
}

/** Stands before the pivot: until there a failure undoes everything, from there on everything is finished. */
export const pivotLine = (style: Style): string => `  ${style.dim('── point of no return ──')}`
