import { describe, expect, test } from 'vitest';
import { guildwireEach, Project } from '../cli.ts';
import { agentResources, manifestAgent, writeAssembly } from './assembly.ts';

interface Line {
  readonly what: string;
  readonly usd: number;
  readonly quantity: number;
  readonly price: { readonly usd: number; readonly per: number };
}
interface Part {
  readonly usd: number;
  readonly lines: readonly Line[];
}

const metric = { MetricStat: { Period: 300 } };
const resources = {
  ...agentResources('clerk', { batchSize: 10 }),
  DeadLetters: { Type: 'AWS::SQS::Queue' },
  Late: { Type: 'AWS::CloudWatch::Alarm', Properties: { Metrics: [{ Expression: 'SUM([m0, m1])' }, metric, metric] } },
  Single: { Type: 'AWS::CloudWatch::Alarm', Properties: { MetricName: 'Errors', Period: 60 } },
  Board: { Type: 'AWS::CloudWatch::Dashboard' },
  Key: { Type: 'AWS::KMS::Key' },
  Messages: { Type: 'AWS::DynamoDB::GlobalTable', Properties: { BillingMode: 'PAY_PER_REQUEST' } },
  Sweep: { Type: 'AWS::Lambda::Function', Properties: { MemorySize: 256, Architectures: ['arm64'] } },
  Tick: {
    Type: 'AWS::Events::Rule',
    Properties: {
      ScheduleExpression: 'rate(5 minutes)',
      Targets: [
        {
          Arn: { 'Fn::GetAtt': ['Sweep', 'Arn'] },
          Input: {
            'Fn::Join': [
              '',
              ['{"kind":"guildwire.janitor","deadLetterQueues":{"clerk":"', { Ref: 'DeadLetters' }, '"}}'],
            ],
          },
        },
      ],
    },
  },
};
const nested = agentResources('pricer', { batchSize: 1, memoryMb: 512, limit: 4 });
const manifest = {
  threads: true,
  tracing: false,
  declared: [{ retentionDays: 60 }],
  inferred: [],
  agents: [manifestAgent('clerk', 'at-least-once'), manifestAgent('pricer', 'exactly-once', true)],
};

const stripped = (text: string) => text.replaceAll(/ {2,}/g, '  ').split('\n');
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));
const byName = ({ lines }: Part) => Object.fromEntries(lines.map(({ what, usd }) => [what, usd]));

describe('a stack and what is nested in it', () => {
  test.concurrent('is told by kind, idle and for a million messages, in 100 columns', async () => {
    using project = new Project();
    writeAssembly(project, { resources, nested, manifest });

    const [text, json] = await guildwireEach([['cost'], ['cost', 'cdk.out', '--json']], { cwd: project.folder });

    expect(text).toMatchObject({ code: 0, err: '' });
    const lines = stripped(text?.out ?? '');
    expect(lines[0]).toBe('Shop: 15 resources; prices of us-east-1 on 2026-11-20, without free tiers');
    expect(lines).toEqual(
      expect.arrayContaining(['  3  function  by use', '  2  alarm  also when idle', '  1  nested stack  nothing']),
    );
    expect(lines).toContain('  compression  to 60 % where that saves a write unit, as taken for prose');
    expect(widest(text?.out ?? '')).toBeLessThanOrEqual(100);
    const report = JSON.parse(json?.out ?? '');
    expect(Object.keys(report)).toEqual([
      'stack',
      'region',
      'pricesOf',
      'resources',
      'idle',
      'workload',
      'million',
      'adds',
      'goals',
      'notPriced',
    ]);
    expect(report.notPriced).toEqual([]);
    expect(report.workload).toMatchObject({
      threads: true,
      keptDays: 75,
      deliveries: [
        { share: 0.5, guarantee: 'at-least-once', lease: false, batchSize: 10, memoryMb: 256 },
        { share: 0.5, guarantee: 'exactly-once', lease: true, batchSize: 1, memoryMb: 512 },
      ],
    });
  });

  test.concurrent('costs, idle, what one reckons by hand', async () => {
    using project = new Project();
    writeAssembly(project, { resources, nested, manifest });

    const [json] = await guildwireEach([['cost', '--json']], { cwd: project.folder });

    const polls = (30 * 86_400) / 20;
    const ticks = (30 * 86_400) / 300;
    const idle = byName(JSON.parse(json?.out ?? '').idle);
    const expected = {
      alarms: 3 * 0.1,
      dashboards: 3,
      'encryption keys': 1,
      'polling of queues': (2 * polls * 0.4) / 1e6,
      'polling of queues, limited': (5 * polls * 0.4) / 1e6,
      'ticks, invocations': (ticks * 0.2) / 1e6,
      'ticks, compute': (ticks * 0.5 * 0.25 * 13.3334) / 1e6,
      'ticks, stuck deliveries': (ticks * 1 * 0.4) / 1e6,
    };
    expect(Object.keys(idle)).toEqual(Object.keys(expected));
    for (const [what, usd] of Object.entries(expected)) expect(idle[what], what).toBeCloseTo(usd, 9);
  });

  test.concurrent('has sums whose every line follows from a quantity and a price', async () => {
    using project = new Project();
    writeAssembly(project, { resources, nested, manifest });
    const flags = ['--fan-out', '3', '--outputs', '1', '--via', 'api', '--tracing', 'on', '--message-kb', '14'];

    const [json] = await guildwireEach([['cost', '--json', ...flags]], { cwd: project.folder });

    const { idle, million } = JSON.parse(json?.out ?? '');
    const parts: readonly Part[] = [idle, million.bus, million.edge, million.agents, million.kept];
    for (const part of parts) {
      expect(part.lines.length).toBeGreaterThan(1);
      for (const { what, usd, quantity, price } of part.lines)
        expect(usd, what).toBeCloseTo((quantity * price.usd) / price.per, 9);
      expect(part.lines.reduce((sum, { usd }) => sum + usd, 0)).toBeCloseTo(part.usd, 9);
    }
    expect(million.usd).toBeCloseTo(million.bus.usd + million.edge.usd + million.agents.usd, 9);
  });
});

test.concurrent('shares of deliveries divide those of each agent', async () => {
  using project = new Project();
  writeAssembly(project, { resources, nested, manifest });

  const [json] = await guildwireEach([['cost', '--json', '--exactly-once', '0.25', '--leases', '0']], {
    cwd: project.folder,
  });

  const { deliveries } = JSON.parse(json?.out ?? '').workload;
  expect(deliveries).toMatchObject([
    { share: 0.125, guarantee: 'exactly-once', lease: false, memoryMb: 256 },
    { share: 0.375, guarantee: 'at-least-once', lease: false, memoryMb: 256 },
    { share: 0.125, guarantee: 'exactly-once', lease: false, memoryMb: 512 },
    { share: 0.375, guarantee: 'at-least-once', lease: false, memoryMb: 512 },
  ]);
});

test.concurrent('names everything that it cannot price', async () => {
  using project = new Project();
  const odd = {
    ...agentResources('clerk'),
    Cache: { Type: 'AWS::ElastiCache::ServerlessCache' },
    Table: { Type: 'AWS::DynamoDB::Table', Properties: {} },
    Mail: { Type: 'AWS::SNS::Subscription', Properties: { Protocol: 'email' } },
    Nightly: { Type: 'AWS::Events::Rule', Properties: { ScheduleExpression: 'cron(0 3 * * ? *)' } },
    Foreign: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { EventSourceArn: 'arn:aws:sqs:us-east-1:1:q' } },
  };
  writeAssembly(project, { resources: odd, nested: { Gateway: { Type: 'AWS::EC2::NatGateway' } } });

  const [text, json] = await guildwireEach([['cost'], ['cost', '--json']], { cwd: project.folder });

  expect(JSON.parse(json?.out ?? '').notPriced).toEqual([
    'AWS::ElastiCache::ServerlessCache (1): not in the table of kinds, and may cost something',
    'AWS::EC2::NatGateway (1): not in the table of kinds, and may cost something',
    'Shop/Table: provisioned capacity, by the hour',
    'Shop/Mail: deliveries by email',
    'Shop/Nightly: how often cron(0 3 * * ? *) is',
    'Shop/Foreign: an event source of something outside this stack',
  ]);
  expect(text?.out).toContain('  not priced: AWS::EC2::NatGateway (1)');
});

test.concurrent('reckons counts of a rehearsal beside the formula', async () => {
  using project = new Project();
  writeAssembly(project, { resources });
  const name = 'Shop-GuildAgentsclerkHost02475D8A-0123456789AB';
  const lambda = { [name]: { invocations: 10, ms: 0, memoryMb: 256 } };
  project.write(
    'counts.json',
    JSON.stringify({ messages: 1000, calls: { 'sns:PublishBatch': 100, 'x:y': 1 }, lambda }),
  );

  const [text, json] = await guildwireEach(
    [
      ['cost', '--observed', 'counts.json'],
      ['cost', '--observed', 'counts.json', '--json'],
    ],
    { cwd: project.folder },
  );

  expect(stripped(text?.out ?? '')).toEqual(
    expect.arrayContaining(['Counted: a million at the rate of 1,000 messages', '  $0.052  a million']),
  );
  expect(widest(text?.out ?? '')).toBeLessThanOrEqual(100);
  const { observed, notPriced } = JSON.parse(json?.out ?? '');
  expect(observed.messages).toBe(1_000);
  expect(observed.lines[0]).toMatchObject({ what: 'sns:PublishBatch', quantity: 100_000 });
  expect(observed.usd).toBeCloseTo(0.1 * 0.5 + 0.01 * 0.2, 9);
  expect(notPriced).toEqual(['x:y (1): no price for it']);
});

test.concurrent('refuses what is no assembly, regions without prices, and numbers that cannot be', async () => {
  using project = new Project({ 'empty/readme.txt': '' });
  writeAssembly(project, { resources: { Files: { Type: 'AWS::S3::Bucket' } } });
  const [foreign] = await guildwireEach([['cost']], { cwd: project.folder });
  writeAssembly(project, { resources, region: 'eu-west-1' });

  const asked = [
    ['cost', 'empty'],
    ['cost', 'nowhere'],
    ['cost'],
    ['cost', '--region', 'mars-1'],
    ['cost', '--region', 'us-east-1', '--fan-out', '-1'],
    ['cost', '--region', 'us-east-1', '--message-kb', 'x'],
    ['cost', '--region', 'us-east-1', '--exactly-once', '1.5'],
    ['cost', '--region', 'us-east-1', '--batch', '0'],
    ['cost', '--region', 'us-east-1', '--via', 'pigeon'],
    ['cost', '--region', 'us-east-1', '--observed', 'missing.json'],
    ['cost', '--region', 'us-east-1'],
  ];
  const ended = await guildwireEach(asked, { cwd: project.folder });

  expect(foreign).toMatchObject({ code: 2, out: '' });
  expect(foreign?.err).toBe('error: stack "Shop" holds no guild: name another with --stack\n');
  const [empty, nowhere, elsewhere, mars, ...rest] = ended;
  for (const { err } of [empty, nowhere].flatMap((each) => each ?? []))
    expect(err).toContain('manifest.json cannot be read: synthesize first (npx cdk synth)');
  expect(elsewhere?.err).toContain('there are no prices of eu-west-1, only of us-east-1');
  expect(mars?.err).toContain('there are no prices of mars-1');
  expect(rest.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2, 0]);
  expect(rest[0]?.err).toContain("option '--fan-out <agents>' argument '-1' is invalid. Allowed is a number from 0");
  expect(ended.slice(0, -1).map(({ code, out }) => code !== 0 && out === '')).not.toContain(false);
});
