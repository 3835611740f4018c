/**
 * The agent's API as a table without schemas: what the command line needs to call it, cheap to load. `contract.ts` adds the
 * schemas, from which validation and the OpenAPI description come; types flow from there to both sides.
 */
export const endpoints = {
  about: { method: 'GET', path: '/v1/about' },
  status: { method: 'GET', path: '/v1/status' },
  plan: { method: 'POST', path: '/v1/plan' },
  start: { method: 'POST', path: '/v1/operations' },
  operations: { method: 'GET', path: '/v1/operations' },
  operation: { method: 'GET', path: '/v1/operations/:id' },
  events: { method: 'GET', path: '/v1/operations/:id/events' },
  mask: { method: 'POST', path: '/v1/operations/:id/mask', takes: 'bytes' },
  cancel: { method: 'POST', path: '/v1/operations/:id/cancel' },
  resume: { method: 'POST', path: '/v1/operations/:id/resume' },
  releases: { method: 'GET', path: '/v1/releases' },
  snapshots: { method: 'GET', path: '/v1/snapshots' },
  logs: { method: 'GET', path: '/v1/logs' },
  secrets: { method: 'GET', path: '/v1/secrets' },
  setSecret: { method: 'POST', path: '/v1/secrets' },
  removeSecret: { method: 'POST', path: '/v1/secrets/remove' },
  doctor: { method: 'GET', path: '/v1/doctor' },
  enable: { method: 'POST', path: '/v1/agent/enable' },
  shutdown: { method: 'POST', path: '/v1/agent/shutdown' },
} as const satisfies Record<string, Endpoint>

export interface Endpoint {
  method: 'GET' | 'POST'
  path: string
  /** Its body is no JSON but bytes as they are, and its input the query. */
  takes?: 'bytes'
}

export type EndpointName = keyof typeof endpoints
