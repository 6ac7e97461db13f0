/**
 * @module The queues of all agents in one variable, for functions that count what waits: the URL of one of them, and the names
 * of all, since so many URLs do not fit.
 */

/** What the variable says, as JSON. Agents with lanes have two queues: normal and urgent. */
export interface QueueNames {
  readonly url: string;
  readonly names: Readonly<Record<string, string | readonly [normal: string, urgent: string]>>;
}

export interface QueueUrls {
  readonly url: string;
  readonly urgentUrl?: string;
}

/** URLs, by agent; undefined if the text is no such JSON. */
export function queueUrlsOf(text: string): Readonly<Record<string, QueueUrls>> | undefined {
  let parsed: Partial<QueueNames>;
  try {
    parsed = JSON.parse(text) as Partial<QueueNames>;
  } catch {
    return undefined;
  }
  const { url, names } = parsed ?? {};
  if (typeof url !== 'string' || typeof names !== 'object' || names === null) return undefined;
  const base = url.slice(0, url.lastIndexOf('/') + 1);
  const urls = Object.entries(names).map(([agent, name]) => {
    const [normal, urgent] = [name].flat();
    return [agent, { url: `${base}${normal}`, ...(urgent !== undefined && { urgentUrl: `${base}${urgent}` }) }];
  });
  return Object.fromEntries(urls);
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html */
const MAX_NAME = 80;
const MAX_URL = 160;
/** Of the 4 KB that a function has for all its variables. */
const MAX_BYTES = 3_200;
const PUNCTUATION = 6;

/**
 * Whether the names of the agents' queues surely fit into a variable, however long the platform makes them.
 *
 * @param isWithSources Whether the UUIDs of their event source mappings fit beside them, which count as names do.
 */
export function fitsVariable(
  agents: readonly { readonly name: string; readonly lanes: boolean }[],
  isWithSources = false,
): boolean {
  const times = isWithSources ? 2 : 1;
  const bytes = agents.map(({ name, lanes }) => times * (name.length + (MAX_NAME + PUNCTUATION) * (lanes ? 2 : 1)));
  return bytes.reduce((sum, own) => sum + own, MAX_URL) <= MAX_BYTES;
}
