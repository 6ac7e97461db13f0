/** @module What a person is told of a rehearsal: what is up, and what came of it. */
import { writeFile } from 'node:fs/promises';
import { ExitCode, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import type { Stage } from './stage.ts';
import { spreadsOf, toTimeline } from './timeline.ts';

export function greet({ rehearsal, agents, namespace }: Stage, ms: number, isStaying: boolean, io: Io): void {
  const { apiUrl, region, credentials, endpoints, functions, outputs } = rehearsal;
  if (io.isJson) {
    io.line(JSON.stringify({ apiUrl, region, credentials, endpoints, namespace, functions, outputs }));
    return;
  }
  const names = functions.map(({ name, path }) => agents.get(name) ?? path.split('/').slice(-2).join('/'));
  io.note(`${functions.length} functions up in ${ms} ms: ${names.join(', ')}`);
  if (!isStaying) return;
  const { accessKeyId, secretAccessKey } = credentials;
  const topics = `${apiUrl}/v1/namespaces/${namespace}/topics`;
  io.line(`  ${io.paint('green', apiUrl)} takes signed requests, in namespace ${namespace}`);
  const lines = [
    `curl --aws-sigv4 aws:amz:${region}:execute-api --user ${accessKeyId}:${secretAccessKey} ${topics}`,
    ...Object.entries(endpoints).map(([service, url]) => `AWS_ENDPOINT_URL_${service.toUpperCase()}=${url}`),
    'Ctrl-C ends it',
  ];
  for (const line of lines) io.line(io.paint('dim', `  ${line}`));
}

/**
 * The timeline and the counts.
 *
 * @param file Where the counts are written, for `guildwire cost --observed`.
 * @throws UsageError if there is nothing to write.
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
    const asked = Object.entries(calls).map(([service, each]) => `${sumOf(each)} calls of ${service}`);
    io.line(`${published} published, ${messages.length} stored, ${deliveries.length} deliveries`);
    io.line(`${[...asked, `${write} write units`, `${read} read units`].join(', ')}`);
  }
  if (file !== undefined) {
    if (published === 0) throw new UsageError(`nothing was published, so that nothing is written to ${file}`);
    await writeFile(file, `${JSON.stringify(observation.counts(rehearsal), null, 2)}\n`);
  }
  const dead = messages.filter(({ topic }) => topic.startsWith('$dead.'));
  if (dead.length === 0) return ExitCode.DONE;
  const topics = [...new Set(dead.map(({ topic }) => topic))];
  io.warn(`${io.paint('red', `${dead.length} dead letters`)}: ${topics.join(', ')}`);
  return ExitCode.FAILED;
}

const sumOf = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);
