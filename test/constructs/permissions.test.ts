import { describe, expect, test } from 'vitest';
import { ledgerKey, messageKey, TURNED_OFF_KEY } from '../../lib/environment/aws-keys.ts';
import { allows, plain, rolesOf, statementOf } from './iam-oracle.ts';
import { resourcesOf, stackOf } from './stack-of.ts';

const { template } = stackOf({ namespaces: ['prod', 'pilot'], tracing: true });
const roles = rolesOf(template);
const agents = ['writer', 'second-writer', 'keeper', 'thinker', 'undertaker'] as const;

const roleOf = (part: string) => {
  const found = [...roles.keys()].filter((id) => id.includes(part));
  if (found.length !== 1) throw new Error(`${part} is in ${found.length} roles: ${[...roles.keys()].join(', ')}`);
  return roles.get(found[0] ?? '') ?? [];
};
const ofAgent = (name: string) => roleOf(`Agents${name.replaceAll('-', '')}Host`);
const only = (type: string, part: string) => {
  const found = [...resourcesOf(template, type).keys()].filter((id) => id.includes(part));
  if (found.length !== 1) throw new Error(`${part} is in ${found.length} of ${type}`);
  return found[0] ?? '';
};
const messages = `arn:${only('AWS::DynamoDB::GlobalTable', 'LogMessages')}`;
const ledger = `arn:${only('AWS::DynamoDB::GlobalTable', 'LogLedger')}`;
const bucket = `arn:${only('AWS::S3::Bucket', 'Attachments')}`;
const queueOf = (name: string) =>
  [...resourcesOf(template, 'AWS::SQS::Queue').keys()]
    .filter((id) => id.startsWith(`GuildAgents${name.replaceAll('-', '')}Queue`))
    .map((id) => `arn:${id}`);

const put = (topic: string, namespace = 'prod') => ({
  action: 'dynamodb:PutItem',
  resource: messages,
  keys: [messageKey(namespace, topic, 0)],
});

describe('an agent publishes what it declares', () => {
  const table: readonly [agent: string, topic: string, may: boolean][] = [
    ['writer', 'page.log', true],
    ['writer', 'page.one.done', true],
    ['writer', 'page.two', false],
    ['writer', 'draft.easy', false],
    ['second-writer', 'page.log', true],
    ['keeper', 'page.log', false],
    ['thinker', 'answer.given', true],
    ['thinker', 'answer', false],
    ['thinker', 'page.log', false],
    ['undertaker', 'page.log', true],
    ['undertaker', 'anything.at.all', true],
    ...agents.flatMap((agent): [string, string, boolean][] => [
      [agent, '$inbox.anybody', true],
      [agent, '$reply.01ARZ3NDEKTSV4RRFFQ69G5FA4', true],
      [agent, `$self.${agent}`, true],
      [agent, `$dead.${agent}`, true],
      [agent, '$errors', true],
      [agent, '$self.somebody-else', false],
      [agent, '$dead.somebody-else', false],
      [agent, '$topics', false],
    ]),
  ];

  test.each(table)('%s under %s: %s', (agent, topic, may) => {
    expect(allows(ofAgent(agent), put(topic))).toBe(may);
    expect(allows(ofAgent(agent), put(topic, 'pilot'))).toBe(may);
    expect(allows(ofAgent(agent), put(topic, 'other'))).toBe(false);
    expect(allows(ofAgent(agent), put(topic, 'prod-2'))).toBe(false);
  });

  test('several at once only if all of them are its own', () => {
    const keys = [messageKey('prod', 'page.log', 0), messageKey('prod', 'draft.easy', 0)];

    expect(allows(ofAgent('writer'), { action: 'dynamodb:PutItem', resource: messages, keys })).toBe(false);
  });

  test.each([
    ['anything.at.all $inbox.writer $reply.x $self.undertaker $dead.undertaker $errors', true],
    ['anything.at.all $inbox.writer', true],
    ['anything.at.all $topics', false],
    ['anything.at.all $self.somebody-else', false],
    ['$inbox.writer $dead.somebody-else', false],
    ['$inbox.writer $errors $topics', false],
  ] as const)('who publishes under any topic, several at once, %s: %s', (topics, may) => {
    const keys = topics.split(' ').map((topic) => messageKey('prod', topic, 0));

    expect(allows(ofAgent('undertaker'), { action: 'dynamodb:PutItem', resource: messages, keys })).toBe(may);
  });

  test('nobody may change or remove a message, or write without a key', () => {
    for (const [role, statements] of roles) {
      for (const action of ['dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:BatchWriteItem']) {
        expect(allows(statements, { action, resource: messages, keys: ['prod#page.log#0'] }), `${role} ${action}`).toBe(
          false,
        );
      }
      expect(allows(statements, { action: 'dynamodb:PutItem', resource: messages }), role).toBe(false);
    }
  });
});

describe.each(agents)('%s', (agent) => {
  const mine = ofAgent(agent);
  const others = agents.filter((other) => other !== agent);

  test('takes deliveries from its own queues and no other, and sends to none', () => {
    const own = queueOf(agent).filter((queue) => !queue.includes('DeadLetters'));

    expect(own).toHaveLength(agent === 'thinker' ? 2 : 1);
    for (const action of ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility']) {
      for (const resource of own) expect(allows(mine, { action, resource })).toBe(true);
      for (const resource of others.flatMap(queueOf)) expect(allows(mine, { action, resource })).toBe(false);
    }
    for (const resource of resourcesOf(template, 'AWS::SQS::Queue').keys()) {
      expect(allows(mine, { action: 'sqs:SendMessage', resource: `arn:${resource}` })).toBe(false);
    }
  });

  test('publishes to no SNS topic', () => {
    for (const topic of resourcesOf(template, 'AWS::SNS::Topic').keys()) {
      expect(allows(mine, { action: 'sns:Publish', resource: topic })).toBe(false);
    }
  });

  test('reads what was said in its namespaces, by keys only', () => {
    for (const action of ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query']) {
      expect(allows(mine, { action, resource: messages, keys: ['prod#page.log#0'] })).toBe(true);
      expect(allows(mine, { action, resource: messages, keys: ['other#page.log#0'] })).toBe(false);
      expect(allows(mine, { action, resource: messages, keys: ['prod#page.log#0', 'other#page.log#0'] })).toBe(false);
    }
    const index = `${messages}/index/byThread`;
    expect(
      allows(mine, { action: 'dynamodb:Query', resource: index, keys: ['pilot#01ARZ3NDEKTSV4RRFFQ69G5FA4'] }),
    ).toBe(true);
    expect(
      allows(mine, { action: 'dynamodb:Query', resource: index, keys: ['other#01ARZ3NDEKTSV4RRFFQ69G5FA4'] }),
    ).toBe(false);
    for (const resource of [messages, ledger, index]) {
      expect(allows(mine, { action: 'dynamodb:Scan', resource })).toBe(false);
      expect(allows(mine, { action: 'dynamodb:PartiQLSelect', resource, keys: ['prod#page.log#0'] })).toBe(false);
    }
  });

  test('has its own rows of the ledger, and those that all share', () => {
    const may = (key: string) => allows(mine, { action: 'dynamodb:PutItem', resource: ledger, keys: [key] });

    expect(may(ledgerKey.agent('prod', agent))).toBe(true);
    expect(may(`${ledgerKey.agent('pilot', agent)}#state`)).toBe(true);
    expect(may(ledgerKey.dead('prod', agent))).toBe(true);
    expect(may(ledgerKey.idempotency('prod', 'hash'))).toBe(true);
    expect(may(ledgerKey.trail('prod', 'root'))).toBe(true);
    expect(may(ledgerKey.agent('other', agent))).toBe(false);
    expect(may(ledgerKey.plan('prod', 'plan'))).toBe(false);
    expect(may(ledgerKey.openPlans('prod'))).toBe(false);
    expect(may(ledgerKey.topics('prod'))).toBe(false);
    expect(allows(mine, { action: 'dynamodb:Query', resource: ledger, keys: [ledgerKey.topics('prod')] })).toBe(true);
    expect(allows(mine, { action: 'dynamodb:Query', resource: ledger, keys: [ledgerKey.topics('other')] })).toBe(false);
    for (const other of [...others, `${agent}-2`]) {
      expect(may(ledgerKey.agent('prod', other))).toBe(false);
      expect(may(ledgerKey.dead('prod', other))).toBe(false);
    }
  });

  test('has attachments of its namespaces', () => {
    for (const action of ['s3:GetObject', 's3:PutObject']) {
      expect(allows(mine, { action, resource: `${bucket}/prod/x` })).toBe(true);
      expect(allows(mine, { action, resource: `${bucket}/other/x` })).toBe(false);
    }
    expect(allows(mine, { action: 's3:DeleteObject', resource: `${bucket}/prod/x` })).toBe(false);
  });
});

describe('the functions of the guild', () => {
  const ingest = roleOf('EdgeIngest');
  const history = roleOf('EdgeHistory');
  const relay = roleOf('RelayHost');
  const janitor = roleOf('JanitorHost');

  test('ingest publishes to all but topics of the platform', () => {
    for (const topic of ['page.log', 'x', '$inbox.writer']) expect(allows(ingest, put(topic))).toBe(true);
    for (const topic of ['$dead.writer', '$self.writer', '$topics', '$errors'])
      expect(allows(ingest, put(topic))).toBe(false);
    expect(allows(ingest, put('page.log', 'other'))).toBe(false);
  });

  test('ingest gives places for attachments of its namespaces, and reads what was uploaded; history only reads', () => {
    for (const role of [ingest, history]) {
      expect(allows(role, { action: 's3:GetObject', resource: `${bucket}/prod/x` })).toBe(true);
      expect(allows(role, { action: 's3:GetObject', resource: `${bucket}/other/x` })).toBe(false);
      expect(allows(role, { action: 's3:DeleteObject', resource: `${bucket}/prod/x` })).toBe(false);
      expect(allows(role, { action: 's3:ListBucket', resource: bucket })).toBe(false);
    }
    expect(allows(ingest, { action: 's3:PutObject', resource: `${bucket}/prod/x` })).toBe(true);
    expect(allows(ingest, { action: 's3:PutObject', resource: `${bucket}/other/x` })).toBe(false);
    expect(allows(history, { action: 's3:PutObject', resource: `${bucket}/prod/x` })).toBe(false);
  });

  test('ingest publishes to SNS only what its publishers hand on themselves, and what is redriven', () => {
    const may = [...resourcesOf(template, 'AWS::SNS::Topic').keys()].filter((topic) =>
      allows(ingest, { action: 'sns:Publish', resource: topic }),
    );

    expect(may.map((id) => id.replace(/^GuildTopics|[0-9A-F]{8}$/g, '').replace(/Ordered$/, '')).toSorted()).toEqual([
      'system',
      'system',
    ]);
  });

  test('history writes nothing at all', () => {
    const writes = history.filter(({ effect }) => effect === 'Allow').flatMap(({ actions }) => actions);

    expect(new Set(writes)).toEqual(
      new Set([
        'dynamodb:GetItem',
        'dynamodb:BatchGetItem',
        'dynamodb:Query',
        's3:GetObject',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
      ]),
    );
    expect(allows(history, { action: 'dynamodb:Query', resource: ledger, keys: ['prod#topics'] })).toBe(true);
    expect(allows(history, { action: 'dynamodb:Query', resource: ledger, keys: ['other#topics'] })).toBe(false);
  });

  test('the relay publishes to every topic of the guild, and writes nothing but announcements', () => {
    for (const resource of resourcesOf(template, 'AWS::SNS::Topic').keys()) {
      expect(allows(relay, { action: 'sns:Publish', resource })).toBe(true);
    }
    expect(allows(relay, put('$topics'))).toBe(true);
    for (const topic of ['page.log', '$dead.writer', '$inbox.writer']) expect(allows(relay, put(topic))).toBe(false);
    expect(allows(relay, { action: 'dynamodb:PutItem', resource: ledger, keys: ['prod#topics'] })).toBe(true);
    expect(allows(relay, { action: 'dynamodb:PutItem', resource: ledger, keys: ['prod#agent#writer'] })).toBe(false);
  });

  test('the janitor writes dead letters, and publishes to the built-in family only', () => {
    for (const topic of ['$dead.writer', '$errors']) expect(allows(janitor, put(topic))).toBe(true);
    for (const topic of ['page.log', '$inbox.writer', '$topics']) expect(allows(janitor, put(topic))).toBe(false);
    const topics = [...resourcesOf(template, 'AWS::SNS::Topic').keys()];
    const may = topics.filter((topic) => allows(janitor, { action: 'sns:Publish', resource: topic }));

    expect(may.every((topic) => topic.includes('Topicssystem'))).toBe(true);
    expect(may).toHaveLength(2);
  });

  test.each([
    ['ingest', ingest],
    ['the janitor', janitor],
  ])('%s says which event sources are off, of whatever namespaces', (_, role) => {
    for (const action of ['dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'])
      expect(allows(role, { action, resource: ledger, keys: [TURNED_OFF_KEY] })).toBe(true);
    for (const other of [history, relay, ofAgent('keeper')])
      expect(allows(other, { action: 'dynamodb:PutItem', resource: ledger, keys: [TURNED_OFF_KEY] })).toBe(false);
  });

  test.each([
    ['ingest', ingest],
    ['the janitor', janitor],
  ])('%s works plans off, in its namespaces', (_, role) => {
    for (const keyOf of [ledgerKey.openPlans, (namespace: string) => ledgerKey.plan(namespace, 'a-plan')]) {
      for (const action of ['Query', 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'].map(
        (each) => `dynamodb:${each}`,
      )) {
        expect(allows(role, { action, resource: ledger, keys: [keyOf('prod')] })).toBe(true);
        expect(allows(role, { action, resource: ledger, keys: [keyOf('other')] })).toBe(false);
      }
    }
  });
});

describe('queues of agents', () => {
  const topics = new Set(resourcesOf(template, 'AWS::SNS::Topic').keys());
  const policies = [...resourcesOf(template, 'AWS::SQS::QueuePolicy')].filter(([id]) => id.startsWith('GuildAgents'));

  test.each(policies)('%s: only SNS topics of the guild that it follows may send to it', (id, { Properties }) => {
    // biome-ignore lint/suspicious/noExplicitAny: statements of a template are what they are
    const statements: any[] = Properties.PolicyDocument.Statement;
    const sends = statements.filter(({ Action }) => [Action].flat().includes('sqs:SendMessage'));
    const allowed = sends.filter(({ Effect }) => Effect === 'Allow');
    const sources = statementOf({ ...allowed[0], Resource: 'x' }).conditions.ArnEquals?.['aws:SourceArn'] ?? [];

    expect(allowed).toHaveLength(1);
    expect(allowed[0].Principal).toEqual({ Service: 'sns.amazonaws.com' });
    expect(allowed[0].Condition.StringEquals).toEqual({ 'aws:SourceAccount': { Ref: 'AWS::AccountId' } });
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.filter((source) => !topics.has(source))).toEqual([]);
    if (id.includes('DeadLetters')) return;
    const [denied] = sends.filter(({ Effect }) => Effect === 'Deny');
    expect(denied.Principal).toEqual({ AWS: '*' });
    expect(denied.Condition).toEqual({ ArnNotEquals: allowed[0].Condition.ArnEquals });
  });

  test('an ordered agent is attached to FIFO topics only, and every other to standard ones only', () => {
    const fifo = new Set(
      [...resourcesOf(template, 'AWS::SNS::Topic')].flatMap(([id, topic]) => (topic.Properties.FifoTopic ? [id] : [])),
    );
    const found = [...resourcesOf(template, 'AWS::SNS::Subscription')].map(([id, { Properties }]) => ({
      isOrdered: id.startsWith('GuildAgentskeeper'),
      isFifo: fifo.has(plain(Properties.TopicArn)),
    }));

    expect(found.filter(({ isOrdered }) => isOrdered)).toHaveLength(2);
    expect(found.every(({ isOrdered, isFifo }) => isOrdered === isFifo)).toBe(true);
  });

  test('a dead-letter queue is emptied by the janitor and nobody else', () => {
    const readers = policies
      .filter(([id]) => id.includes('DeadLetters'))
      .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement)
      .filter((statement) => [statement.Action].flat().includes('sqs:ReceiveMessage'))
      .map((statement) => plain(statement.Principal.AWS));

    expect(readers).toHaveLength(agents.length);
    expect(new Set(readers)).toEqual(new Set([`arn:${only('AWS::IAM::Role', 'JanitorHostRole')}`]));
  });
});

test('no role is allowed an action by wildcard, or any resource', () => {
  for (const [role, statements] of roles) {
    for (const { effect, actions, resources } of statements) {
      if (effect === 'Deny') continue;
      expect(
        actions.filter((action) => action.includes('*')),
        role,
      ).toEqual([]);
      expect(
        resources.filter((resource) => resource === '*'),
        role,
      ).toEqual([]);
    }
  }
});
