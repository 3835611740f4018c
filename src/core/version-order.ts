/** Versions of fettle, as `major.minor.patch` (https://semver.org); what follows a hyphen does not count. */
export function isNewer(version: string, than: string): boolean {
  const [one, other] = [version, than].map(text => (text.split('-', 1)[0] ?? '').split('.').map(Number))
  for (const [index, part] of (one ?? []).entries()) {
    const difference = part - (other?.[index] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}
