/**
 * An esbuild plugin: a module of Node's own is loaded when the first of its names is used, with process.getBuiltinModule instead of
 * an import. An import reads every export to make a namespace, and behind some getters of node:http, node:util and node:process
 * whole libraries wait (WebSocket: undici). Measured: node:http 4 ms instead of 30.
 */
import { isBuiltin } from 'node:module'
import type { Plugin } from 'esbuild'

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/

export const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(build) {
    build.onResolve({ filter: /^(node:)?[a-z_/]+$/ }, ({ path, kind }) => {
      if (kind !== 'import-statement' || !isBuiltin(path)) return undefined
      return { path: path.replace(/^(node:)?/, 'node:'), namespace: 'builtin', sideEffects: false }
    })
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({ contents: lazyModule(path), loader: 'js' }))
  },
}

/** In the form of CommonJS: there esbuild reads a name where it is used, not all of them at the start. */
function lazyModule(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter(name => IDENTIFIER.test(name) && name !== 'default')
  return `let loaded
const load = () => (loaded ??= process.getBuiltinModule(${JSON.stringify(path)}))
module.exports = { get default() { return load() }, ${names.map(name => `get ${name}() { return load().${name} }`).join(', ')} }
Object.defineProperty(module.exports, '__esModule', { value: true })`
}
