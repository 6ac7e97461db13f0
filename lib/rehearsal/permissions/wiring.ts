/** @module What services do by themselves because the template connects things: each needs a permission as well. */
import type { Json, JsonObject } from '../../core/json.ts';
import type { Resource } from '../resources/stack-scope.ts';
import type { Actor } from './permissions.ts';
import type { Access } from './statement.ts';

export interface Wire {
  readonly actor: Actor;
  /** What of the template needs it. */
  readonly what: string;
  readonly access: Access;
}

export interface WiredPlace {
  readonly account: string;
  readonly region: string;
  /** ARN of the role of a function, by the function's name. */
  readonly roles: ReadonlyMap<string, string>;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
const QUEUE_ACTIONS = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
/** https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html */
const STREAM_ACTIONS = [
  'dynamodb:DescribeStream',
  'dynamodb:GetRecords',
  'dynamodb:GetShardIterator',
  'dynamodb:ListStreams',
];

/** Event sources, subscriptions of queues, rules and schedules, and the routes of the API. */
export function wiresOf(resources: readonly Resource[], place: WiredPlace): readonly Wire[] {
  const of = (type: string) => resources.filter((one) => one.type === `AWS::${type}`);
  return [
    ...of('Lambda::EventSourceMapping').flatMap((one) => sourceWires(one, resources, place)),
    ...of('SNS::Subscription').flatMap((one) => subscriptionWires(one, place)),
    ...of('Events::Rule').flatMap((rule) =>
      targets(rule).map((target) => invoked('events.amazonaws.com', rule, target, rule.arn, place)),
    ),
    ...of('Scheduler::Schedule').flatMap((schedule) => scheduleWires(schedule, place)),
    ...of('ApiGatewayV2::Route').flatMap((route) => routeWires(route, resources, place)),
  ];
}

function sourceWires(mapping: Resource, resources: readonly Resource[], place: WiredPlace): readonly Wire[] {
  const { properties, path } = mapping;
  const target = resources.find(({ type, name, arn }) =>
    type === 'AWS::Lambda::Function' ? [name, arn].includes(String(properties.FunctionName)) : false,
  );
  const role = place.roles.get(target?.name ?? '');
  if (target === undefined || role === undefined) return [];
  const actor = { name: target.name, role, account: place.account };
  const source = String(properties.EventSourceArn);
  const { OnFailure } = (properties.DestinationConfig ?? {}) as JsonObject;
  const { Destination } = (OnFailure ?? {}) as JsonObject;
  const wires = (actions: readonly string[], resource: string) =>
    actions.map((action) => ({ actor, what: path, access: { action, resource, context: {} } }));
  return [
    ...wires(source.includes(':dynamodb:') ? STREAM_ACTIONS : QUEUE_ACTIONS, source),
    ...(Destination === undefined ? [] : wires([destinationAction(String(Destination))], String(Destination))),
  ];
}

const destinationAction = (arn: string) => (arn.includes(':sns:') ? 'sns:Publish' : 'sqs:SendMessage');

/** Both what is delivered and what cannot be. */
function subscriptionWires({ properties, path }: Resource, place: WiredPlace): readonly Wire[] {
  if (properties.Protocol !== 'sqs') return [];
  const redrive = properties.RedrivePolicy;
  const policy = (typeof redrive === 'string' ? JSON.parse(redrive) : (redrive ?? {})) as JsonObject;
  const queues = [properties.Endpoint, policy.deadLetterTargetArn].filter((one) => one !== undefined).map(String);
  const context = fromSource(String(properties.TopicArn), place);
  return queues.map((resource) => ({
    actor: serviceActor('sns.amazonaws.com'),
    what: path,
    access: { action: 'sqs:SendMessage', resource, context },
  }));
}

/** Schedules invoke by a role of their own. */
function scheduleWires(schedule: Resource, { account }: WiredPlace): readonly Wire[] {
  const { Arn, RoleArn } = (schedule.properties.Target ?? {}) as JsonObject;
  const actor = { name: schedule.name, role: String(RoleArn), account };
  return [{ actor, what: schedule.path, access: invocation(String(Arn), {}) }];
}

function routeWires(route: Resource, resources: readonly Resource[], place: WiredPlace): readonly Wire[] {
  const { Target, ApiId, RouteKey } = route.properties;
  const integration = resources.find(
    ({ type, ref }) => type === 'AWS::ApiGatewayV2::Integration' && String(Target) === `integrations/${String(ref)}`,
  );
  const [, arn = String(integration?.properties.IntegrationUri)] =
    /functions\/(arn:[^/]+)\/invocations$/.exec(String(integration?.properties.IntegrationUri)) ?? [];
  const [verb = '', path = ''] = String(RouteKey).split(' ');
  const stage = resources.find(({ type }) => type === 'AWS::ApiGatewayV2::Stage')?.properties.StageName ?? '$default';
  const called = `${String(ApiId)}/${String(stage)}/${verb === 'ANY' ? 'GET' : verb}${path}`;
  const source = `arn:aws:execute-api:${place.region}:${place.account}:${called}`;
  return [invoked('apigateway.amazonaws.com', route, arn, source, place)];
}

const targets = ({ properties }: Resource) =>
  ((properties.Targets ?? []) as readonly JsonObject[]).map(({ Arn }: { readonly Arn?: Json }) => String(Arn));

const invoked = (service: string, by: Resource, target: string, source: string, place: WiredPlace): Wire => ({
  actor: serviceActor(service),
  what: by.path,
  access: invocation(target, fromSource(source, place)),
});

const serviceActor = (service: string): Actor => ({ name: service, service });
const invocation = (resource: string, context: Access['context']): Access => ({
  action: 'lambda:InvokeFunction',
  resource,
  context,
});
const fromSource = (arn: string, { account }: WiredPlace) => ({
  'aws:sourcearn': [arn],
  'aws:sourceaccount': [account],
});
