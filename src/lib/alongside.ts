/** Does the work; meanwhile something beside it runs, and is aborted when the work is over. Its own failure fails the whole. */
export async function alongside<T>(beside: (signal: AbortSignal) => Promise<void>, work: () => Promise<T>): Promise<T> {
  const over = new AbortController()
  const running = beside(over.signal).catch(error => {
    if (!over.signal.aborted) throw error
  })
  try {
    return await work()
  } finally {
    over.abort()
    await running
  }
}
