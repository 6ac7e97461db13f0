/** @module What of an agent is a matter of its deployment. */

/** What of an agent only a deployment knows. */
export interface AgentDeployment {
  /** In MB. @default - 256, or 512 with the profile 'llm' */
  readonly memorySize?: number;
  /** The agent's own variables; secrets belong into a secret store. @default - none */
  readonly environment?: Readonly<Record<string, string>>;
  /** A queue for urgent messages (priority 0 to 3) beside the other, for an agent that is not ordered. @default false */
  readonly lanes?: boolean;
  /**
   * Whether a delivery is leased before its handler starts, so that an expensive one does not run twice at once.
   *
   * @default - true with the profile 'llm'
   */
  readonly lease?: boolean;
  /** Most instances that work at once, from 2 to 1,000. @default - no limit; with the profile 'llm' its `concurrency` */
  readonly maxConcurrency?: number;
}
