/** Deterministic names: what one operation starts is found again under the same name by the next agent. */
/** One run of a release: two runs of the same release have different ones. */
export const activationName = (release: string, operation: string): string => `${release}-${operation}`

export const groupName = (app: string, environment: string, service: string, activation: string): string =>
  `${app}.${environment}.${service}.${activation}`

export const commandName = (operation: string, step: string): string => `${operation}-${step}`

export const environmentLease = (app: string, environment: string): string => `${app}/${environment}`
