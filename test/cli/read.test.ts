import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cli, type DevServer, Project, startDev } from './cli.ts';

let project: Project;
let dev: DevServer;
/** References of an order that came through, and of one that did not. */
let good: string;
let bad: string;

const order = (coupon?: string) =>
  JSON.stringify({ lines: [{ product: 'tea', count: 2, cents: 450 }], ...(coupon !== undefined && { coupon }) });
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');
const idOf = (reference: string) => reference.split('/')[1] ?? '';

beforeAll(async () => {
  project = Project.of('quickstart');
  dev = await startDev(['guild.ts'], { cwd: project.folder });
  good = (await dev.ask('publish', 'orders', order('HALF'), '--conversation', 'c-1')).out.trim();
  await dev.cli.line(/receipts/);
  bad = (await dev.ask('publish', 'orders', order())).out.trim();
  await dev.cli.line(/now a dead letter/, 'err');
});
afterAll(async () => {
  await dev[Symbol.asyncDispose]();
  project[Symbol.dispose]();
});

test('history by topic, pattern, conversation, thread, agent and filters, in both directions', async () => {
  const asked = [
    ['orders'],
    ['**', '--desc', '--limit', '2'],
    ['--conversation', 'c-1', '--format', 'shop.price'],
    ['--thread', good, '--sender', 'clerk'],
    ['--agent', 'pricer'],
    ['orders', '--until', good.split('/')[1] ?? ''],
    ['orders', '--since', '1h', '--priority', '4'],
    ['**', '--since', '2001-01-01', '--until', '2002-01-01'],
    ['ordrs'],
    ['orders', '--limit', '1', '--ids'],
  ];

  const ended = await dev.askEach(...asked.map((args) => ['history', ...args]));

  expect(ended.map(({ code }) => code)).toEqual(asked.map(() => 0));
  const said = ended.map(({ out }) => linesOf(out).map((line) => line.replace(/^[\d:.]+ {2}/, '')));
  const full = order('HALF');
  expect(said).toEqual([
    [`user:local → orders  shop.order ${full}`, `user:local → orders  shop.order ${order()}`],
    [`intake → orders.accepted  shop.accepted ${order()}`, `user:local → orders  shop.order ${order()}`],
    ['pricer → prices  shop.price {"cents":450}'],
    ['clerk → receipts  shop.receipt {"text":"That is 4.50 €, thank you."}'],
    [`intake → orders.accepted  shop.accepted ${full}`, `intake → orders.accepted  shop.accepted ${order()}`],
    [`user:local → orders  shop.order ${full}`],
    [`user:local → orders  shop.order ${full}`, `user:local → orders  shop.order ${order()}`],
    [],
    [],
    [`user:local → ${good}  shop.order ${full}`],
  ]);
  expect(ended.at(-3)?.err).toBe('nothing was said there\n');
  expect(ended.at(-2)?.err).toBe('nothing was said there: did you mean orders?\n');
});

test('a thread is a tree, found by any of its messages, with what became of it', async () => {
  const letter = JSON.parse((await dev.ask('dlq', 'ls', 'pricer', '--json')).out);
  const [tree, sameByLetter, json, none] = await dev.askEach(
    ['thread', good],
    ['thread', letter.id],
    ['thread', idOf(bad), '--json'],
    ['thread', `${idOf(bad).slice(0, -3)}000`],
  );

  const timeless = (text: string) => linesOf(text).map((line) => line.replace(/ {2}\+\d.*$/, ''));
  expect(timeless(tree?.out ?? '')).toEqual([
    `user:local → orders  ${order('HALF')}`,
    `└─ intake → orders.accepted  ${order('HALF')}`,
    '   └─ pricer → prices  {"cents":450}',
    '      └─ clerk → receipts  {"text":"That is 4.50 €, thank you."}',
  ]);
  expect(timeless(sameByLetter?.out ?? '').map((line) => line.slice(0, 52))).toEqual([
    `user:local → orders  ${order()}`.slice(0, 52),
    `└─ intake → orders.accepted  ${order()}`.slice(0, 52),
    '   └─ platform:dead-letters → $dead.pricer ✗  orders.accepted'.slice(0, 52),
  ]);
  expect(linesOf(json?.out ?? '').map((line) => JSON.parse(line).topic)).toEqual([
    'orders',
    'orders.accepted',
    '$dead.pricer',
  ]);
  expect(none?.code).toBe(3);
  expect(none?.err).toContain('no thread begins with');
});

test('topics, agents and what became of a message are told as text, as JSON and as a chart', async () => {
  const [topics, agents, agentsJson, chart, explained, explainedJson, stranger] = await dev.askEach(
    ['topics'],
    ['agents'],
    ['agents', '--json'],
    ['agents', '--guild', 'guild.ts', '--mermaid'],
    ['explain', bad],
    ['explain', good, '--json'],
    ['explain', `orders/${idOf(bad).slice(0, -3)}000`],
  );

  expect(linesOf(topics?.out ?? '').map((line) => line.split(/ +/)[0])).toEqual([
    ...['orders', 'orders.accepted', 'prices', 'receipts'],
  ]);
  expect(linesOf(agents?.out ?? '')).toEqual([
    ...['clerk  (0 waiting)', '  ← prices', '  → receipts  to nobody here'],
    ...['intake  (0 waiting)', '  ← orders', '  → orders.accepted  to pricer'],
    ...['pricer  (0 waiting, 1 dead)', '  ← orders.accepted', '  → prices  to clerk'],
  ]);
  expect(JSON.parse(linesOf(agentsJson?.out ?? '')[2] ?? '')).toEqual({
    name: 'pricer',
    subscribes: ['orders.accepted'],
    publishes: ['prices'],
    formats: ['shop.accepted'],
    waiting: 0,
    dead: 1,
    paused: false,
  });
  expect(linesOf(chart?.out ?? '')).toEqual(
    expect.arrayContaining(['flowchart LR', '  a1["pricer"]', '  t1(["orders.accepted"])', '  a0 --> t1']),
  );
  expect(linesOf(explained?.out ?? '').map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
    'clerk filtered none of its patterns names the topic',
    'intake handled follows orders',
    'pricer filtered none of its patterns names the topic',
  ]);
  expect(linesOf(explainedJson?.out ?? '').map((line) => JSON.parse(line).verdict)).toEqual([
    'filtered',
    'handled',
    'filtered',
  ]);
  expect(stranger?.code).toBe(3);
});

test('a tail begins with the backlog and goes on with what is said, each line once, until Ctrl-C', async () => {
  const surroundings = { cwd: project.folder, env: { GUILDWIRE_URL: dev.url } };
  await using all = new Cli(['tail', '--backlog', '1'], surroundings);
  await using thread = new Cli(['tail', '--thread', good, '--json', '--since', '1h'], surroundings);
  await using prices = new Cli(['tail', 'prices', '--json', '--backlog', '5'], surroundings);

  await all.line(/intake → orders.accepted/);
  const backlog = JSON.parse(await prices.line(/prices/));
  for (const topic of ['orders', 'orders.accepted', 'prices', 'receipts'])
    expect(JSON.parse(await thread.line(/./)).topic).toBe(topic);
  const next = (await dev.ask('publish', 'orders', order('none'), '--conversation', 'tailed')).out.trim();
  await all.line(/clerk → receipts/);
  const live = JSON.parse(await prices.line(/prices/));

  expect(backlog.payload).toEqual({ cents: 450 });
  expect(live).toMatchObject({ payload: { cents: 900 }, conversationId: 'tailed', topic: 'prices' });
  expect(live.thread[0]).toBe(next);
  const [one, other, last] = await Promise.all([all.interrupt(), thread.interrupt(), prices.interrupt()]);
  expect([one.code, other.code, last.code]).toEqual([0, 0, 0]);
  expect([one.err, other.err, last.err]).toEqual(['', '', '']);
  expect([linesOf(one.out).length, linesOf(other.out).length, linesOf(last.out).length]).toEqual([5, 4, 2]);
});

test('a tail whose reader has had enough ends without a fault', async () => {
  await using cli = new Cli(['tail', '--since', '1h', '--json'], { env: { GUILDWIRE_URL: dev.url } });
  await cli.line(/orders/);

  cli.stopReading();
  await dev.ask('publish', 'orders', order('none'));
  const { code, err } = await cli.ended;

  expect({ code, err }).toEqual({ code: 0, err: '' });
});

test('a name that nothing has ends with 3, or 2 where it can be none', async () => {
  const ended = await dev.askEach(
    ['history', '--agent', 'nobody'],
    ['tail', '--agent', 'nobody'],
    ['tail', 'orders..x'],
    ['tail', '--thread', 'XYZ'],
    ['topics', '--namespace', 'two words'],
  );

  expect(ended.map(({ code }) => code)).toEqual([3, 3, 2, 2, 2]);
});
