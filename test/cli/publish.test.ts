import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cli, type DevServer, guildwire, Project, startDev } from './cli.ts';

const order = JSON.stringify({ lines: [{ product: 'tea', count: 2, cents: 450 }], coupon: 'half' });
const REFERENCE = /^orders\/[0-9A-HJKMNP-TV-Z]{26}$/;

let project: Project;
let dev: DevServer;
beforeAll(async () => {
  project = Project.of('quickstart');
  dev = await startDev(['guild.ts', '--quiet'], { cwd: project.folder });
});
afterAll(async () => {
  await dev[Symbol.asyncDispose]();
  project[Symbol.dispose]();
});

/** Publishes with something on standard input. How far it is after two seconds says how busy the machine is, and is left out. */
async function pipe(input: string | Buffer, ...args: readonly string[]) {
  const where = { cwd: project.folder, env: { GUILDWIRE_URL: dev.url }, input };
  const { code, out, err } = await guildwire(['publish', ...args], where);
  return { code, out, err: err.replaceAll(/^\d+ messages\n/gm, '') };
}
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

test.concurrent('a payload comes from an argument, a file or standard input, in the only format that the topic takes', async () => {
  project.write('order.json', `\u{feff}${order}\n`);

  const ended = await Promise.all([
    dev.ask('publish', 'orders', order),
    dev.ask('publish', 'orders', '--file', 'order.json'),
    pipe(order, 'orders'),
    pipe(order, 'orders', '-'),
    dev.ask('publish', 'orders', order, '--json'),
  ]);

  for (const { code, err } of ended) expect({ code, err }).toEqual({ code: 0, err: '' });
  for (const { out } of ended.slice(0, 4)) expect(out.trim()).toMatch(REFERENCE);
  expect(JSON.parse(ended[4]?.out ?? '')).toEqual({ id: expect.any(String), topic: 'orders', duplicate: false });
});

test.concurrent('what a message carries besides its payload is kept, and an idempotency key keeps it from being stored twice', async () => {
  const args = ['publish', 'orders', order, '--key', 'k', '--conversation', 'c-1', '--recipients', 'intake,pricer'];
  args.push('--header', 'a=b', '--header', 'c=d=e', '--priority', '1', '--idempotency-key', 'once', '--ttl', '1h');

  const first = await dev.ask(...args);
  const second = await dev.ask(...args);
  const { out } = await dev.ask('history', '--conversation', 'c-1', '--sender', 'user:local', '--json');

  expect(second.out).toBe(`${first.out.trim()}  (was there already)\n`);
  expect(linesOf(out).map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({
      key: 'k',
      conversationId: 'c-1',
      recipients: ['intake', 'pricer'],
      headers: { a: 'b', c: 'd=e' },
      priority: 1,
      format: 'shop.order',
    }),
  ]);
});

test.concurrent('what is no payload, no file or no topic ends with 2 and says which', async () => {
  const nothing = await dev.ask('publish', 'orders');
  const ended = await dev.askEach(
    ['publish', 'orders', '{"lines":'],
    ['publish', 'orders', ''],
    ['publish', 'orders', '--file', 'none.json'],
    ['publish', 'orders', '--file', '.', '--lines'],
    ['publish', 'orders', '3', '--json'],
    ['publish', 'ordrs', order],
    ['publish', 'orders', order, '--format', 'shop.price'],
    ['publish', 'orders', order, '--lines'],
    ['publish', 'orders', '--lines', '--idempotency-key', 'k'],
  );

  expect(nothing).toMatchObject({ code: 2, out: '', err: expect.stringContaining('the payload is empty') });
  expect(ended.map(({ code, out }) => ({ code, out }))).toEqual(ended.map(() => ({ code: 2, out: '' })));
  const said = ended.map(({ err }) => err);
  expect(said[0]).toBe('error: the payload begins like JSON and is none: {"lines":\n');
  expect(said[1]).toContain('the payload is empty');
  expect(said[2]).toBe('error: no file none.json\n');
  expect(said[3]).toBe('error: . is a folder: name a file\n');
  expect(JSON.parse(said[4] ?? '')).toMatchObject({
    error: { code: 'INVALID_MESSAGE', faults: [{ field: 'payload' }] },
  });
  expect(said[5]).toMatch(
    /^nobody follows "ordrs" here: did you mean orders\?\nerror: message refused: topics: got "ordrs"/,
  );
  expect(said[6]).toContain('"orders" takes shop.order only');
  expect(said[7]).toContain('--lines reads a file or standard input');
  expect(said[8]).toContain('--idempotency-key is for one message');
});

test.concurrent('lines are published in their order; one that is refused is told by its number, and keeps none back', async () => {
  const many = Array.from({ length: 250 }, (_, index) => order.replace('tea', `tea ${index}`));
  many[120] = '{"lines":[]}';

  const { code, out, err } = await pipe(many.join('\n'), 'orders', '--lines', '--conversation', 'many');
  const read = await dev.ask('history', '--conversation', 'many', '--format', 'shop.order', '--limit', '300', '--json');

  expect(code).toBe(1);
  expect(err).toMatch(/^error: line 121: message refused: payload\.lines: .*\n249 of 250 messages published\n$/);
  expect(linesOf(out)).toHaveLength(249);
  const products = linesOf(read.out).map((line) => JSON.parse(line).payload.lines[0].product);
  expect(products).toEqual(many.filter((_, index) => index !== 120).map((line) => JSON.parse(line).lines[0].product));
});

test.concurrent('a line that is no JSON ends it, when what came before is published', async () => {
  const { code, out, err } = await pipe(`${order}\n\n${order}\nnope\n${order}\n`, 'orders', '--lines');

  expect(code).toBe(2);
  expect(linesOf(out)).toHaveLength(2);
  expect(err).toBe('2 of 2 messages published\nerror: line 4 is no JSON: nope\n');
});

test.concurrent('lines of nothing but blanks, or of the mark that some editors begin a file with, are no messages', async () => {
  const blank = '\u{feff}\n\u3000\u00a0\n';

  const nothing = await pipe(blank, 'orders', '--lines');
  const one = await pipe(`${blank}${order}\n`, 'orders', '--lines');

  expect(nothing).toEqual({ code: 2, out: '', err: 'error: there is nothing to publish: the input is empty\n' });
  expect(one).toMatchObject({ code: 0, err: '1 of 1 messages published\n' });
});

test.concurrent('what is no UTF-8 is refused, and never published with other characters in its place', async () => {
  const latin = Buffer.from(order.replace('tea', 'thé'), 'latin1');
  const lines = Buffer.concat([Buffer.from(`${order}\n`), latin, Buffer.from(`\n${order}\n`)]);

  const whole = await pipe(latin, 'orders');
  const many = await pipe(lines, 'orders', '--lines');

  expect(whole).toEqual({ code: 2, out: '', err: 'error: standard input is no UTF-8: convert it first\n' });
  expect({ code: many.code, err: many.err }).toEqual({
    code: 2,
    err: '1 of 1 messages published\nerror: line 2 is no UTF-8: convert it first\n',
  });
});

test.concurrent('a line ends where JSON Lines says so, and not at the separators that a text may hold', async () => {
  const product = 'tea\u2028of\u2029Ceylon é';

  const { code, err } = await pipe(`${order.replace('tea', product)}\r\n`, 'orders', '--lines', '--conversation', 'ls');
  const read = await dev.ask('history', '--conversation', 'ls', '--format', 'shop.order', '--json');

  expect({ code, err }).toEqual({ code: 0, err: '1 of 1 messages published\n' });
  expect(JSON.parse(read.out).payload.lines[0].product).toBe(product);
});

test.concurrent('a line that comes alone is published at once, and Ctrl-C ends the waiting for more', async () => {
  await using cli = new Cli(['publish', 'orders', '--lines'], { env: { GUILDWIRE_URL: dev.url } });

  cli.write(`${order}\n`);
  const line = await cli.line(REFERENCE);
  const { code, out, err } = await cli.interrupt();

  expect({ code, out, err }).toEqual({ code: 130, out: `${line}\n`, err: '1 of 1 messages published\n' });
});

test.concurrent('nothing on standard input is a mistake, and a server that goes away says from which line on', async () => {
  const empty = await pipe('', 'orders', '--lines');
  const gone = await guildwire(['publish', 'a', '--lines', '--format', 'x', '--url', 'http://127.0.0.1:9'], {
    input: '1\n2\n',
  });

  expect(empty).toEqual({ code: 2, out: '', err: 'error: there is nothing to publish: the input is empty\n' });
  expect(gone.code).toBe(4);
  expect(gone.err).toMatch(/^error: line 1: cannot reach .*\n.*\n0 of 2 messages published\n$/);
});

test.concurrent('a payload beyond the limit is refused with the limit', async () => {
  project.write('huge.json', JSON.stringify({ text: 'x'.repeat(27_300_000) }));

  const { code, err } = await dev.ask('publish', 'orders', '--file', 'huge.json', '--format', 'shop.order');

  expect(code).toBe(2);
  expect(err).toMatch(/is larger than \d+ bytes: send fewer messages at once, or smaller ones/);
});
