/** A way to an emulator that counts calls by operation, and what DynamoDB says that they took. */
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Sums since the last time. */
export interface Metered {
  readonly calls: ReadonlyMap<string, number>;
  /** Of DynamoDB, by table or index. */
  readonly writeUnits: ReadonlyMap<string, number>;
  readonly readUnits: number;
  /** Requests as SNS counts them: each 64 KB of a call is one. */
  readonly publishRequests: number;
}

export interface Meter extends AsyncDisposable {
  readonly url: string;
  take(): Metered;
}

interface Consumed {
  readonly TableName: string;
  readonly Table?: { readonly CapacityUnits: number };
  readonly GlobalSecondaryIndexes?: Readonly<Record<string, { readonly CapacityUnits: number }>>;
}

const CHUNK = 64 * 1_024;
const isWrite = (operation: string) => /^(?:Put|Update|Delete|TransactWrite|BatchWrite)/.test(operation);

export async function startMeter(target: string): Promise<Meter> {
  const agent = new Agent({ keepAlive: true });
  let sums = empty();
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    const [operation, isDynamoDb] = operationOf(incoming, body);
    add(sums.calls, operation, 1);
    if (operation.startsWith('Publish')) sums.publishRequests += Math.ceil(publishedBytes(body) / CHUNK);
    const asked = isDynamoDb
      ? Buffer.from(JSON.stringify({ ...JSON.parse(body.toString()), ReturnConsumedCapacity: 'INDEXES' }))
      : body;
    const { method, url = '/' } = incoming;
    const headers = { ...incoming.headers, 'content-length': String(asked.length) };
    const forwarded = request(new URL(url, target), { method, headers, agent });
    forwarded.end(asked);
    const [answer] = (await once(forwarded, 'response')) as [IncomingMessage];
    const said = await buffer(answer);
    if (isDynamoDb) count(operation, JSON.parse(said.toString()).ConsumedCapacity ?? []);
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers).end(said);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  function count(operation: string, consumed: Consumed | readonly Consumed[]): void {
    for (const { TableName, Table, GlobalSecondaryIndexes = {} } of [consumed].flat() as readonly Consumed[]) {
      if (!isWrite(operation)) sums.readUnits += Table?.CapacityUnits ?? 0;
      else {
        add(sums.writeUnits, TableName.replace(/\d+$/, ''), Table?.CapacityUnits ?? 0);
        for (const [name, { CapacityUnits }] of Object.entries(GlobalSecondaryIndexes))
          add(sums.writeUnits, name, CapacityUnits);
      }
    }
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = sums;
      sums = empty();
      return taken;
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

const empty = () => ({
  calls: new Map<string, number>(),
  writeUnits: new Map<string, number>(),
  readUnits: 0,
  publishRequests: 0,
});

const add = (sums: Map<string, number>, name: string, more: number) => sums.set(name, (sums.get(name) ?? 0) + more);

function operationOf({ headers }: IncomingMessage, body: Buffer): readonly [name: string, isDynamoDb: boolean] {
  const target = headers['x-amz-target'];
  if (typeof target !== 'string') return [/(?:^|&)Action=(\w+)/.exec(body.toString('latin1'))?.[1] ?? '?', false];
  return [target.slice(target.indexOf('.') + 1), target.startsWith('DynamoDB')];
}

/** Messages with names, types and values of their attributes. */
function publishedBytes(form: Buffer): number {
  let bytes = 0;
  for (const [name, value] of new URLSearchParams(form.toString()))
    if (/\.(?:Message|Name|DataType|StringValue)$/.test(name)) bytes += Buffer.byteLength(value);
  return bytes;
}
