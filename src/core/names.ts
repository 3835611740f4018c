/** Deterministic names: what one operation starts is found again under the same name by the next agent. */

/** What the file may call an app, an environment, a service or a store: they become names of folders, units and hosts. */
export const IDENTIFIER = /^[a-z][a-z0-9-]{0,39}$/

/** One run of a release: two runs of the same release have different ones. */
export const activationName = (release: string, operation: string): string => `${release}-${operation}`

export const groupName = (app: string, environment: string, service: string, activation: string): string =>
  `${app}.${environment}.${service}.${activation}`

export const commandName = (operation: string, step: string): string => `${operation}-${step}`

export const environmentLease = (app: string, environment: string): string => `${app}/${environment}`
