/** What the objects of a files store are. */
export const FULL = 'tar'
export const DELTA = 'tar-delta'
/** First entry of a delta: names that are no longer there, each ended by NUL, as `xargs -0` takes them. */
export const DELETED = '.fettle-deleted'
