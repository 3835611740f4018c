/** Time from outside: wall clock for what is shown or persisted, monotonic for durations. Tests hand in their own. */
export interface Clock {
  /** Milliseconds since the epoch; may jump. */
  now(): number
  /** Milliseconds from an arbitrary start; never jumps. */
  monotonic(): number
  /** Resolves after `ms`; rejects with CANCELLED when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
