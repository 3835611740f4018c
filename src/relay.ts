/** Entry of the relay that runs inside a sandbox: a door for the agent, a sink for mail. */
import './drivers/runtimes/process/sandbox-relay.ts'
