/** The version of the package, as `fettle --version` prints it. */
/** scripts/build.ts puts the version here; from the sources it is read from package.json. */
declare const FETTLE_VERSION: string | undefined

export const version: string = typeof FETTLE_VERSION === 'string' ? FETTLE_VERSION : packageVersion()

function packageVersion(): string {
  const { readFileSync } = process.getBuiltinModule('node:fs') // no import: this file is all that `--version` loads
  const manifest: { version: string } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return manifest.version
}
