/** `npm run bench:http`: the HTTP API against a bare hono route that does the same parse, and a stream to 100 clients. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { cpus } from 'node:os';
import { httpRequest, LoadClient } from './http-load.ts';
import type { Asked } from './http-server.ts';
import { message } from './message.ts';
import { medianOf, ratio } from './rounds.ts';

const ROUNDS = 21;
const WARM_UP = 5;
const REQUESTS = 2_000;
const CONNECTIONS = 32;
const CLIENTS = 100;
const STREAMED = 500;
const BASE = '/v1/namespaces/default/topics';

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(kind: 'bare' | 'bare, stores' | 'guildwire'): Promise<Server> {
  const child = fork(new URL('./http-server.ts', import.meta.url), [kind], {
    execArgv: ['--conditions=guildwire-source'],
  });
  const [{ port }] = (await once(child, 'message')) as [{ readonly port: number }];
  return { child, port };
}

const ask = (child: ChildProcess, asked: Asked) => void child.send(asked);

async function cpuOf({ child }: Server): Promise<number> {
  ask(child, { cpu: true });
  const [{ microseconds }] = (await once(child, 'message')) as [{ readonly microseconds: number }];
  return microseconds;
}

/**
 * By the time of the server's processor, where the client does not count, and by the clock on the wall, where a client on the
 * same machine is at times the slower of the two.
 */
async function compare(what: string, request: Buffer, servers: readonly [bare: Server, ours: Server]): Promise<void> {
  const measured = ['bare', 'guildwire'].map((name) => ({ name, nanoseconds: [] as number[], wall: [] as number[] }));
  const loads = await Promise.all(
    servers.map(({ port }) => LoadClient.open({ port, request, connections: CONNECTIONS })),
  );
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const server = servers[index] as Server;
      const [cpu, startedAt] = [await cpuOf(server), performance.now()];
      await loads[index]?.run(REQUESTS);
      const wallNs = ((performance.now() - startedAt) * 1e6) / REQUESTS;
      const cpuNs = (((await cpuOf(server)) - cpu) * 1e3) / REQUESTS;
      if (round < 0) continue;
      measured[index]?.nanoseconds.push(cpuNs);
      measured[index]?.wall.push(wallNs);
    }
  }
  for (const load of loads) await load[Symbol.asyncDispose]();
  const walls = measured.map(({ name, wall }) => ({ name, nanoseconds: wall }));
  for (const [kind, cases] of [
    ['processor', measured],
    ['wall', walls],
  ] as const) {
    const [median, low, high] = ratio(cases, 'bare', 'guildwire').map((each) => (100 * each).toFixed(0));
    const [bare, ours] = cases.map((each) => String(Math.round(1e9 / medianOf(each))).padStart(7));
    const range = `${median} % (${low}-${high})`;
    process.stdout.write(`${what.padEnd(24)} ${kind.padEnd(10)} ${ours}/s, bare ${bare}/s: ${range}\n`);
  }
}

/** Counts what comes by, as cheap as can be: the clients must not be what is measured. */
async function follow(port: number, path: string, onMessage: (ms: number) => void): Promise<() => void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(httpRequest('GET', path));
  await once(socket, 'data');
  let rest = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    const parts = (rest + text).split('"sentAt":');
    for (const part of parts.slice(1, -1)) onMessage(Date.now() - Number.parseInt(part, 10));
    const last = parts.at(-1) ?? '';
    const isWhole = parts.length > 1 && /^\d+\D/.test(last);
    if (isWhole) onMessage(Date.now() - Number.parseInt(last, 10));
    rest = isWhole ? last.slice(-5) : `${parts.length > 1 ? '"sentAt":' : ''}${last}`.slice(-60);
  });
  return () => socket.destroy();
}

async function fanOut(what: string, { child, port }: Server, query: string): Promise<void> {
  const late: number[] = [];
  const all = Promise.withResolvers<void>();
  let left = 0;
  const onMessage = (ms: number) => {
    late.push(ms);
    if (--left === 0) all.resolve();
  };
  const path = `/v1/namespaces/default/stream?${query}`;
  const stops = await Promise.all(Array.from({ length: CLIENTS }, () => follow(port, path, onMessage)));
  left = CLIENTS * STREAMED;
  const startedAt = performance.now();
  ask(child, { publish: STREAMED, topic: 'live.one' });
  await all.promise;
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const stop of stops) stop();
  late.sort((one, other) => one - other);
  const at = (part: number) => late[Math.floor((late.length - 1) * part)];
  process.stdout.write(
    `${what.padEnd(24)} ${Math.round((CLIENTS * STREAMED) / seconds)
      .toString()
      .padStart(7)} events/s, ` + `${STREAMED} published at once: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms\n`,
  );
}

const bare = await start('bare');
const storing = await start('bare, stores');
const ours = await start('guildwire');
const body = JSON.stringify({ payload: message });
const publish = httpRequest('POST', `${BASE}/bench/messages`, body);
const history = (limit: number) => httpRequest('GET', `${BASE}/stored/messages?limit=${limit}&order=desc`);
process.stdout.write(`Node ${process.version}, ${cpus()[0]?.model.trim()}, ${ROUNDS} rounds of ${REQUESTS} requests\n`);
process.stdout.write(`${CONNECTIONS} connections, message ${Buffer.byteLength(JSON.stringify(message))} bytes; `);
process.stdout.write('requests in a second of the server, median ratio, quartiles; goal ≥ 70 %\n\n');
await compare('publish', publish, [bare, ours]);
await compare('publish, if bare stores', publish, [storing, ours]);
await compare('history, 10 messages', history(10), [bare, ours]);
await compare('history, 100 messages', history(100), [bare, ours]);
await fanOut('stream of a topic', ours, 'topic=live.one');
await fanOut('stream of a pattern', ours, 'topic=live.**');
for (const { child } of [bare, storing, ours]) child.kill();
