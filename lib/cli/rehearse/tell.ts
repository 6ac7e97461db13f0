/** @module What a person is told of a rehearsal: what is up, and what came of it. */
import { writeFile } from 'node:fs/promises';
import { ExitCode, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import type { Stage } from './stage.ts';
import { spreadsOf, toTimeline } from './timeline.ts';

/** @param outputsFile Where the outputs were written, if they were. */
export function greet(stage: Stage, ms: number, isStaying: boolean, outputsFile: string | undefined, io: Io): void {
  const { rehearsal, namespace } = stage;
  const { apiUrl, region, credentials, endpoints, functions, outputs } = rehearsal;
  if (io.isJson) {
    io.line(JSON.stringify({ apiUrl, region, credentials, endpoints, namespace, functions, outputs }));
    return;
  }
  const names = [...shortNames(stage).values()];
  io.note(`${counted(functions.length, 'function')} up in ${ms} ms: ${names.join(', ')}`);
  if (!isStaying) return;
  const { accessKeyId, secretAccessKey } = credentials;
  const services = Object.entries(endpoints).map(
    ([service, url]) => `AWS_ENDPOINT_URL_${service.toUpperCase()}=${url}`,
  );
  const [where, ...how] = howToCall(stage);
  const lines = [
    ...how,
    'in another terminal, for programs that call AWS:',
    `export AWS_REGION=${region} AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
    ...services.map((service) => `export ${service}`),
    outputsFile === undefined
      ? 'with --outputs-file FILE, guildwire tail and the others work on it'
      : `export GUILDWIRE_BACKEND=aws:${outputsFile} GUILDWIRE_NAMESPACE=${namespace}`,
    'Ctrl-C ends it',
  ];
  io.line(`  ${where}`);
  for (const line of lines) io.line(io.paint('dim', `  ${line}`));
}

function howToCall({ rehearsal, namespace, callers }: Stage): readonly [string, ...string[]] {
  const { apiUrl, region, credentials } = rehearsal;
  const topics = `${apiUrl}/v1/namespaces/${namespace}/topics`;
  if (callers === undefined) return ['the stack has no HTTP API'];
  if (callers === 'tokens')
    return [
      `${apiUrl} takes the tokens of its issuer, whose keys it asks for, in namespace ${namespace}`,
      `curl -H "authorization: Bearer $TOKEN" ${topics}`,
    ];
  const user = `${credentials.accessKeyId}:${credentials.secretAccessKey}`;
  return [
    `${apiUrl} takes signed requests, in namespace ${namespace}`,
    `curl --aws-sigv4 aws:amz:${region}:execute-api --user ${user} ${topics}`,
  ];
}

/** What `cdk deploy --outputs-file` would write. @throws UsageError if the file cannot be written. */
export function writeOutputs({ rehearsal: { stackName, outputs } }: Stage, file: string): Promise<void> {
  return write(file, { [stackName]: outputs });
}

/**
 * The timeline and the counts.
 *
 * @param file Where the counts are written, for `guildwire cost --observed`.
 * @throws UsageError if there is nothing to write, or the file cannot be written.
 */
export async function tell(stage: Stage, file: string | undefined, io: Io): Promise<ExitCode> {
  const { hops, observation, rehearsal } = stage;
  const { messages, deliveries } = hops;
  const { calls, capacityUnits, functions } = rehearsal.counts();
  const { published } = observation;
  if (io.isJson) {
    const stored = messages.length;
    io.line(
      JSON.stringify({ published, stored, deliveries, hops: spreadsOf(deliveries), calls, capacityUnits, functions }),
    );
  } else {
    for (const line of ['', ...toTimeline(deliveries, io), '']) io.line(line);
    const { write, read } = capacityUnits;
    const asked = Object.entries(calls).map(([service, each]) => `${counted(sumOf(each), 'call')} of ${service}`);
    const own = messages.filter(({ topic }) => topic.startsWith('$')).length;
    const platform = own === 0 ? '' : ` (${own} by the platform)`;
    io.line(`${published} published, ${messages.length} stored${platform}, ${counted(deliveries.length, 'delivery')}`);
    io.line([...asked, `${write} write units`, `${read} read units`].join(', '));
  }
  if (file !== undefined) {
    if (published === 0) throw new UsageError(`nothing was published, so that nothing is written to ${file}`);
    await write(file, observation.counts(rehearsal));
  }
  const dead = messages.filter(({ topic }) => topic.startsWith('$dead.'));
  if (dead.length === 0) return ExitCode.DONE;
  const topics = [...new Set(dead.map(({ topic }) => topic))];
  io.warn(`${io.paint('red', counted(dead.length, 'dead letter'))}: ${topics.join(', ')}`);
  return ExitCode.FAILED;
}

/** What the policies of the template did not allow; whether they allowed all. */
export function tellDenied({ rehearsal }: Stage, io: Io): boolean {
  const { denied } = rehearsal.permissions();
  for (const { who, action, resource, why } of denied) {
    const reason = why === 'missing' ? 'no policy allows it' : 'a policy denies it';
    io.warn(`${io.paint('red', 'denied')}: ${who} may not ${action} on ${resource}: ${reason}`);
  }
  return denied.length === 0;
}

/** Functions whose invocations ended with an error, which those who wait for their messages would not see. */
export function tellFailed(stage: Stage, io: Io): void {
  const names = shortNames(stage);
  for (const { functionName, times, why } of stage.failures.all) {
    const often = times === 1 ? 'once' : `${times} times, the last time`;
    io.warn(`${io.paint('red', 'failed')}: ${names.get(functionName) ?? functionName} ${often} with ${why}`);
  }
}

/** By name of the function: the agent that it hosts, or the end of its path. */
function shortNames({ rehearsal, agents }: Stage): ReadonlyMap<string, string> {
  return new Map(
    rehearsal.functions.map(({ name, path }) => [name, agents.get(name) ?? path.split('/').slice(-2).join('/')]),
  );
}

async function write(file: string, content: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(content, null, 2)}\n`).catch((cause: Error) => {
    throw new UsageError(`${file} cannot be written: ${cause.message}`, { cause });
  });
}

const counted = (count: number, thing: string) =>
  count === 1 ? `1 ${thing}` : `${count} ${thing.endsWith('y') ? `${thing.slice(0, -1)}ie` : thing}s`;

const sumOf = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);
