/**
 * Which snapshots stay: the newest ones, and the newest of each day, week and month that has any (so a gap does not use up a rule,
 * as in restic). One that a person gave a label is not displaced by later ones of its day: it stays as long as the days reach. Above the
 * settings: the newest proven snapshot stays, and the newest that a whole drill passed; something always stays; and what is dated in the
 * future stays, because a clock that jumped must not delete anything.
 */

export interface KeepRules {
  last?: number
  daily?: number
  weekly?: number
  monthly?: number
}

export interface Candidate {
  id: string
  /** Wall clock, ms. */
  takenAt: number
  /** It was restored, and the content found equal. */
  proven: boolean
  /** A whole drill passed. */
  drilled: boolean
  /** A drill of it failed, and none passed since. */
  failed: boolean
  /** A person gave it its label. */
  labelled: boolean
}

export interface RetentionPlan {
  /** Newest first, each with every reason, such as `daily 2026-03-01`. */
  keep: { id: string; reasons: string[] }[]
  /** Newest first. */
  forget: string[]
}

/** @param timeZone IANA name: where a day begins; default: that of the machine */
export function retentionPlan(snapshots: readonly Candidate[], rules: KeepRules, nowMs: number, timeZone?: string): RetentionPlan {
  const newestFirst = snapshots.toSorted((a, b) => b.takenAt - a.takenAt || (a.id < b.id ? -1 : 1))
  const past = newestFirst.filter(({ takenAt }) => takenAt <= nowMs)
  const reasons = new Map<string, string[]>()
  const keep = (id: string, reason: string): unknown => reasons.get(id)?.push(reason) ?? reasons.set(id, [reason])

  for (const { id, takenAt } of newestFirst) if (!(takenAt <= nowMs)) keep(id, 'dated in the future')
  const hasRule = Object.values(rules).some(rule => rule !== undefined)
  for (const { id } of past.slice(0, hasRule ? (rules.last ?? 0) : undefined)) keep(id, hasRule ? 'last' : 'no rule')
  const dayOf = calendar(timeZone)
  const periodIn = (name: keyof typeof PERIODS) => (snapshot: Candidate) => PERIODS[name](dayOf(snapshot.takenAt))
  const newestIn = (name: keyof typeof PERIODS) => newestOfEach(past, periodIn(name), rules[name] ?? 0)
  for (const name of ['daily', 'weekly', 'monthly'] as const) for (const [period, id] of newestIn(name)) keep(id, `${name} ${period}`)
  const days = newestIn('daily')
  for (const snapshot of past) if (snapshot.labelled && days.has(periodIn('daily')(snapshot))) keep(snapshot.id, 'labelled')
  const proven = past.find(snapshot => snapshot.proven)
  const drilled = past.find(snapshot => snapshot.drilled)
  if (proven !== undefined) keep(proven.id, 'newest proven')
  if (drilled !== undefined && drilled !== proven) keep(drilled.id, 'newest drilled')
  if (past[0] !== undefined) keep(past[0].id, 'newest')

  return {
    keep: newestFirst.flatMap(({ id }) => (reasons.has(id) ? { id, reasons: reasons.get(id) ?? [] } : [])),
    forget: newestFirst.flatMap(({ id }) => (reasons.has(id) ? [] : id)),
  }
}

/** The newest snapshot of each of the first `count` periods that have one; one that failed its drill only where there is no other. */
function newestOfEach(newestFirst: Candidate[], periodOf: (snapshot: Candidate) => string, count: number): Map<string, string> {
  const newest = new Map<string, Candidate>()
  for (const snapshot of newestFirst) {
    if (newest.size === count && !newest.has(periodOf(snapshot))) break
    const period = periodOf(snapshot)
    const present = newest.get(period)
    if (present === undefined || (present.failed && !snapshot.failed)) newest.set(period, snapshot)
  }
  return new Map([...newest].map(([period, { id }]) => [period, id]))
}

/** Names of the periods that a day, `2026-03-01`, belongs to. */
const PERIODS = { daily: (day: string) => day, weekly: isoWeek, monthly: (day: string) => day.slice(0, 7) }

function calendar(timeZone: string | undefined): (ms: number) => string {
  // Canada writes dates as ISO 8601 does.
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
  return ms => format.format(ms)
}

/** ISO 8601: weeks begin on Monday and belong to the year of their Thursday. */
function isoWeek(day: string): string {
  const date = new Date(`${day}T00:00:00Z`)
  const thursday = new Date(date.getTime() + (3 - ((date.getUTCDay() + 6) % 7)) * 86_400_000)
  const year = thursday.getUTCFullYear()
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / 604_800_000) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}
