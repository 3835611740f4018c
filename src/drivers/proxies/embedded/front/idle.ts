/**
 * How long a connection to an instance may lie idle and still carry a request safely. An instance closes idle connections; a
 * request that meets the close on its way is lost, and one that is not idempotent must not be sent again (RFC 9110 §9.2.2).
 * So such a request takes only a connection younger than half of the shortest life known: from what the instance announces
 * (`Keep-Alive: timeout=`), from closes seen, and from a *scout*, a used connection left alone to see when it is closed.
 */

/** Longer is never needed: opening a connection on one machine costs 0.1 ms. */
export const LONGEST_IDLE_MS = 2_000
/** Until something is known. A server that closes sooner after an answer than this exists only as a bug. */
const UNKNOWN_IDLE_MS = 20
/** A scout that lives so long has shown that half of it is safe. */
export const SCOUT_MS = 2 * LONGEST_IDLE_MS
/** What was seen is believed so long: settings change with a restart, and a restart may go unseen. */
const BELIEVED_MS = 60_000

interface Seen {
  livedMs: number
  at: number
}

export class IdleKnowledge {
  #announcedMs: number | undefined
  #closed: Seen | undefined
  #scouted: Seen | undefined
  #isScouting = false

  /** Idle time up to which any request may take a connection. */
  safeMs(now: number): number {
    const longest = this.#announcedMs ?? this.#scouted?.livedMs ?? 2 * UNKNOWN_IDLE_MS
    const closed = this.#closed !== undefined && now - this.#closed.at < BELIEVED_MS ? this.#closed.livedMs : longest
    return Math.min(LONGEST_IDLE_MS, longest / 2, closed / 2)
  }

  /** `timeout=0` says "below a second", which helps nobody: it counts as not announced. */
  announced(ms: number | undefined): void {
    if (ms !== undefined && ms > 0) this.#announcedMs = ms
  }

  /** The instance closed a connection that lay idle so long. */
  closedAfter(livedMs: number, now: number): void {
    if (this.#closed === undefined || livedMs < this.#closed.livedMs || now - this.#closed.at >= BELIEVED_MS)
      this.#closed = { livedMs, at: now }
  }

  /** True when the connection at hand should be left alone until `scouted`. */
  startScouting(now: number): boolean {
    if (this.#isScouting || this.#announcedMs !== undefined) return false
    if (this.#scouted !== undefined && now - this.#scouted.at < BELIEVED_MS) return false
    this.#isScouting = true
    return true
  }

  /** @param livedMs until the instance closed it, or as long as it was left alone */
  scouted(livedMs: number, now: number): void {
    this.#isScouting = false
    this.#scouted = { livedMs, at: now }
  }

  /** The instance is another one now. */
  forget(): void {
    this.#announcedMs = undefined
    this.#closed = undefined
    this.#scouted = undefined
  }
}
