/** The most of anything that a number in the file counts: instances, releases, snapshots. */
export const MOST_COUNTED = 1000
