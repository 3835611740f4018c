/** Whether the agent returns after a reboot; whatever starts programs on this host does it. */
export interface BootEnabler {
  /** How it returns, in words; undefined: it does not. */
  state(): Promise<string | undefined>
  enable(): Promise<string>
  disable(): Promise<string>
}
