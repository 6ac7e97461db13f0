/** @module The environment of the functions of a deployment: constructs set it, and what runs in them reads it. */

/** By what they say. Not every function has all of them: what it lacks it may not do. */
export const awsVariables = {
  messagesTable: 'GUILDWIRE_MESSAGES_TABLE',
  ledgerTable: 'GUILDWIRE_LEDGER_TABLE',
  /** Attachments. */
  bucket: 'GUILDWIRE_BUCKET',
  /** All before the name of a family's topic: `arn:aws:sns:eu-central-1:111122223333:MyStack-`. */
  topicArnPrefix: 'GUILDWIRE_TOPIC_ARN_PREFIX',
  /** URL of the queue of messages that are not yet due. */
  delaysQueue: 'GUILDWIRE_DELAYS_QUEUE',
  /** URL of the queue that takes what the relay could not hand on. */
  safetyQueue: 'GUILDWIRE_SAFETY_QUEUE',
  /** Of an agent's function: its name, and the URL of its queue. */
  agent: 'GUILDWIRE_AGENT',
  queue: 'GUILDWIRE_QUEUE',
  /** The agent's queue of urgent messages, if it has lanes. */
  urgentQueue: 'GUILDWIRE_URGENT_QUEUE',
  /** Of functions that count what waits: the queues of all agents, as `aws-queue-names.ts` writes them. */
  queues: 'GUILDWIRE_QUEUES',
  /** Of functions that pause: UUIDs of the event source mappings, by agent, as JSON; left out where they do not fit. */
  sources: 'GUILDWIRE_SOURCES',
  /** Namespaces, separated by commas; `*` for any. */
  namespaces: 'GUILDWIRE_NAMESPACES',
} as const;

export type AwsVariable = keyof typeof awsVariables;

/** What of them is set. */
export function awsEnvironment(environment: NodeJS.ProcessEnv = process.env): {
  readonly [Name in AwsVariable]?: string;
} {
  const set = Object.entries(awsVariables).flatMap(([name, variable]) => {
    const value = environment[variable];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  return Object.fromEntries(set);
}

/** Whether the SDK is told of another S3 than that of AWS; no bucket's name leads there, so that it goes in the path. */
export function hasOtherS3(environment: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL);
}

/**
 * Memory of the function that this process runs in, in MB; undefined elsewhere.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export function functionMemoryMb(environment: NodeJS.ProcessEnv = process.env): number | undefined {
  const memory = Number(environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE);
  return memory > 0 ? memory : undefined;
}
