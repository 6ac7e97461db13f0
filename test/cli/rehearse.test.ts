import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plantedMistakes } from '../../examples/doc-review/fixtures/planted.ts';
import { findDynoxide } from '../../lib/rehearsal/start-dynoxide.ts';
import { Cli, guildwire, guildwireEach } from './cli.ts';

const root = join(import.meta.dirname, '../..');
const GUILD = 'examples/doc-review/guild.ts';
const DOCUMENT = 'examples/doc-review/fixtures/planted.md';
let folder: string;
let assembly: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'guildwire-rehearse-'));
  assembly = join(folder, 'cdk.out');
  const env = { ...process.env, CDK_OUTDIR: assembly };
  execFileSync(process.execPath, ['--conditions=guildwire-source', 'bin/app.ts'], { cwd: root, env, stdio: 'pipe' });
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Report {
  readonly sections: readonly { readonly suggestions: readonly object[] }[];
}

test('the bundles of doc-review give the report that its agents give in one process, and each hop has its time', async () => {
  const counts = join(folder, 'counts.json');
  const args = ['rehearse', assembly, DOCUMENT, '--guild', GUILD, '--counts', counts, '--json'];
  const start = ['--conditions=guildwire-source', 'examples/doc-review/main.ts', DOCUMENT, '--json'];

  const { code, out, err } = await guildwire(args);
  const started = execFileSync(process.execPath, start, { cwd: root, encoding: 'utf8' });

  expect({ code, err }).toEqual({ code: 0, err: '' });
  const lines = out.trimEnd().split('\n');
  const told = JSON.parse(lines.pop() ?? '');
  expect(lines.join('\n')).toBe(started.trimEnd());
  const report = JSON.parse(started) as Report;
  expect(report.sections.flatMap(({ suggestions }) => suggestions)).toHaveLength(plantedMistakes.length);

  expect(Object.keys(told.hops)).toEqual(['streamMs', 'relayMs', 'queueMs', 'coldMs', 'handlerMs', 'totalMs']);
  const agents = new Set(told.deliveries.map(({ agent }: { agent: string }) => agent));
  expect([...agents].toSorted()).toEqual(['aggregator', 'clarity', 'coordinator', 'grammar', 'structure', 'tone']);
  for (const { streamMs, relayMs, queueMs, failed } of told.deliveries) {
    expect(failed).toBe(false);
    for (const ms of [streamMs, relayMs, queueMs]) expect(ms).toBeGreaterThanOrEqual(0);
  }
  const observed = JSON.parse(readFileSync(counts, 'utf8'));
  expect(observed.messages).toBe(told.published);
  expect(observed.calls['httpApi:requests']).toBeGreaterThanOrEqual(told.published);
  const [cost] = await guildwireEach([['cost', assembly, '--observed', counts]]);
  expect(cost).toMatchObject({ code: 0, err: '' });
  expect(cost?.out).toMatch(/dynamodb:writeUnits/);
}, 180_000);

test('one message is published over the API, in the only format of its topic, and everything that it set off is printed', async () => {
  const payload = {
    docId: 'd',
    scope: 'chunk',
    answers: 9,
    chunk: { id: 'c', section: '', line: 1, column: 1, text: 'It is is.' },
  };
  const { code, out, err } = await guildwire([
    ...['rehearse', assembly, '--topic', 'doc.review.tasks', '--payload', JSON.stringify(payload)],
  ]);

  expect(err).toMatch(/^10 functions up in \d+ ms: /);
  expect(code).toBe(0);
  expect(out).toMatch(/grammar → doc\.suggestions\.grammar {2}doc\.answer/);
  expect(out).toMatch(/doc\.review\.grammar → grammar +\d+ ms/);
  expect(out).toMatch(/\n1 published, \d+ stored \(\d+ by the platform\), \d+ deliveries\n/);
}, 180_000);

test('where the stack does not say what a topic takes, the guild that is configured does; without one that is told', async () => {
  const bare = join(folder, 'bare');
  cpSync(assembly, bare, { recursive: true });
  const file = join(bare, 'DocReview.template.json');
  const undeclared = readFileSync(file, 'utf8').replaceAll(String.raw`[\"doc.review-task\"]`, '[]');
  writeFileSync(file, undeclared);
  const payload =
    '{"docId":"d","scope":"chunk","answers":9,"chunk":{"id":"c","section":"","line":1,"column":1,"text":"A."}}';
  const args = ['rehearse', bare, '--topic', 'doc.review.tasks', '--payload', payload];

  const [known, unknown] = await guildwireEach([{ args, env: { GUILDWIRE_GUILD: GUILD } }, args]);

  expect(known).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\S+ {2}user:\S+ → doc\.review\.tasks {2}doc\.review-task /),
  });
  expect(unknown?.code).toBe(2);
  expect(unknown?.err).toMatch(
    /\nas generic_json, since no guild here says what is taken on "doc\.review\.tasks": give --format/,
  );
}, 180_000);

test('without a message it stays until Ctrl-C, takes signed requests, and leaves no process behind', async () => {
  const outputs = join(folder, 'outputs.json');
  await using cli = new Cli(['rehearse', assembly, '--json', '--outputs-file', outputs], { input: '' });
  const { apiUrl, namespace, functions, endpoints, credentials } = JSON.parse(await cli.line(/apiUrl/));

  const unsigned = await fetch(`${apiUrl}/v1/namespaces/${namespace}/topics`);
  const services = Object.entries(endpoints).map(([name, url]) => [`AWS_ENDPOINT_URL_${name.toUpperCase()}`, `${url}`]);
  const keys = { AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey };
  const env = { ...Object.fromEntries(services), ...keys };
  const [watched] = await guildwireEach([{ args: ['agents', '--backend', `aws:${outputs}`, '--json'], env }]);
  const ended = await cli.interrupt();

  expect(watched).toMatchObject({ code: 0, err: '' });
  expect(watched?.out).toMatch(/"name":"coordinator"/);

  expect(unsigned.status).toBe(403);
  expect(functions).toHaveLength(10);
  expect(ended.code).toBe(0);
  await expect(fetch(apiUrl)).rejects.toThrow('fetch failed');
}, 180_000);

test('a rehearsal whose emulator dies ends at once, and says so', async () => {
  const [program, pid] = [join(folder, 'dynoxide'), join(folder, 'pid')];
  writeFileSync(program, `#!/bin/sh\necho $$ > ${pid}\nexec ${findDynoxide(undefined)} "$@"\n`, { mode: 0o755 });
  await using cli = new Cli(['rehearse', assembly], { input: '', env: { DYNOXIDE_BIN: program } });
  await cli.line(/Ctrl-C ends it/);

  process.kill(Number(readFileSync(pid, 'utf8')), 'SIGKILL');
  const { code, err } = await cli.ended;

  expect(code).toBe(4);
  expect(err).toMatch(/\nerror: the DynamoDB emulator is gone, with all it held: it ended with SIGKILL\n$/);
}, 180_000);

test('what the policies of the template do not allow is told, also where it is why the rehearsal fails', async () => {
  const short = join(folder, 'short');
  cpSync(assembly, short, { recursive: true });
  const file = join(short, 'DocReview.template.json');
  const template = JSON.parse(readFileSync(file, 'utf8'));
  for (const [id, { Properties }] of Object.entries<{ Properties: { PolicyDocument: object } }>(template.Resources))
    if (/HistoryRoleDefaultPolicy/.test(id))
      Properties.PolicyDocument = JSON.parse(
        JSON.stringify(Properties.PolicyDocument).replaceAll('dynamodb:Query', 'dynamodb:DescribeTable'),
      );
  writeFileSync(file, JSON.stringify(template));
  const payload =
    '{"docId":"d","scope":"chunk","answers":9,"chunk":{"id":"c","section":"","line":1,"column":1,"text":"A."}}';

  const { code, err } = await guildwire([
    ...['rehearse', short, '--topic', 'doc.review.tasks', '--format', 'doc.review-task', '--payload', payload],
  ]);

  expect(code).toBe(1);
  expect(err).toMatch(/\ndenied: DocReview-\w*History\w* may not dynamodb:Query on arn:\S+: no policy allows it\n/);
}, 180_000);

test('what cannot be rehearsed is told in one line, with what to do', async () => {
  const missing = join(folder, 'nothing-here');
  const broken = join(folder, 'broken.ts');
  writeFileSync(broken, "throw new Error('half-way');");
  const other = join(folder, 'other');
  const stack = { type: 'aws:cloudformation:stack', properties: { templateFile: 'other.json' } };
  mkdirSync(other);
  writeFileSync(join(other, 'manifest.json'), JSON.stringify({ artifacts: { Other: stack } }));
  writeFileSync(join(other, 'other.json'), JSON.stringify({ Resources: { Jobs: { Type: 'AWS::SQS::Queue' } } }));
  const cases: readonly (readonly [
    args: readonly string[],
    env: Record<string, string>,
    code: number,
    said: RegExp,
  ])[] = [
    [[missing], {}, 2, /^error: .*nothing-here.*cdk synth/],
    [[assembly], { DYNOXIDE_BIN: '/nowhere/dynoxide' }, 2, /^error: .*\/nowhere\/dynoxide/],
    [[assembly, '--topic', 'a', '--guild', GUILD], {}, 2, /^error: --guild and --topic exclude each other/],
    [[assembly, 'README.md'], {}, 2, /^error: say where to publish with --topic/],
    [[assembly, '--guild', 'examples/quickstart/guild.ts'], {}, 2, /exports no function `run`/],
    [[assembly, '--guild', broken], {}, 2, /^error: .*broken\.ts cannot be loaded: half-way/],
    [[other], {}, 2, /^error: stack "Other" has no functions, so there is no guild in it: name another with --stack/],
    [[assembly, '--outputs-file', folder], {}, 2, /guildwire-rehearse-\w+ cannot be written: EISDIR/],
    [[assembly, '--topic', 'nowhere', '--payload', '{}'], {}, 2, /nowhere/],
  ];
  const ended = await guildwireEach(cases.map(([args, env]) => ({ args: ['rehearse', ...args], env })));

  for (const [index, { code, out, err }] of ended.entries()) {
    expect(err).toMatch(cases[index]?.[3] ?? '');
    expect({ code, out }).toEqual({ code: cases[index]?.[2], out: '' });
    expect(
      err
        .trimEnd()
        .split('\n')
        .filter((line) => !/functions up/.test(line)),
    ).toHaveLength(1);
  }
});
