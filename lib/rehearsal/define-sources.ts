/** @module The event source mappings of the template, each with what drives it. */
import type { JsonObject } from '../core/json.ts';
import type { EmulatorClient } from './emulator-client.ts';
import type { LocalFunction } from './functions/local-function.ts';
import { UnsupportedTemplateError } from './rehearsal-errors.ts';
import { streamArnOf } from './resources/resource-kinds.ts';
import type { Resource } from './resources/stack-scope.ts';
import { defineMapping, type Source } from './sources/mapping.ts';
import { SqsSource } from './sources/sqs-source.ts';
import { StreamReader } from './sources/stream-reader.ts';
import { StreamSource } from './sources/stream-source.ts';
import { IntrinsicFault } from './template/intrinsics.ts';

/** @throws UnsupportedTemplateError for a mapping of anything but a queue or a table's stream of this stack. */
export function defineSources(
  resources: readonly Resource[],
  functionOf: (arn: string) => LocalFunction | undefined,
  client: EmulatorClient,
): readonly Source[] {
  const mappings = resources.filter(({ type }) => type === 'AWS::Lambda::EventSourceMapping');
  return mappings.map((mapping) => {
    const refuse = (why: string) => new UnsupportedTemplateError([`${mapping.file}: ${mapping.logicalId} ${why}`]);
    const { FunctionName, EventSourceArn } = mapping.properties;
    const target = functionOf(String(FunctionName));
    if (target === undefined) throw refuse(`is for ${String(FunctionName)}, which is no function`);
    const definition = definitionOf(mapping, target, refuse);
    const queue = resources.find(({ type, arn }) => type === 'AWS::SQS::Queue' && arn === EventSourceArn);
    if (queue !== undefined) return new SqsSource(definition, String(queue.ref), client);
    const table = resources.find(
      ({ type, arn }) => type.startsWith('AWS::DynamoDB') && streamArnOf(arn) === EventSourceArn,
    );
    if (table === undefined) throw refuse(`reads ${String(EventSourceArn)}, which is no queue or stream of this stack`);
    const giveUp = letterBox(resources, definition.onFailure, client);
    if (giveUp === undefined)
      throw refuse(`has ${definition.onFailure} as its destination, which is no standard queue or topic`);
    return new StreamSource(definition, new StreamReader(table.name, definition.sourceArn, client), giveUp);
  });
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html */
const VISIBILITY_SECONDS = 30;
/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html */
const TIMEOUT_SECONDS = 3;

/**
 * Looks for mappings that Lambda would not make: a queue has to hide messages for as long as the function may take.
 *
 * @param resources As the template has them, whatever timings a rehearsal gives them.
 * @throws UnsupportedTemplateError that names each.
 */
export function refuseShortVisibility(resources: readonly Resource[]): void {
  const faults = resources.flatMap(({ type, file, logicalId, properties }) => {
    if (type !== 'AWS::Lambda::EventSourceMapping') return [];
    const queue = resources.find((one) => one.type === 'AWS::SQS::Queue' && one.arn === properties.EventSourceArn);
    const target = resources.find(
      (one) => one.type === 'AWS::Lambda::Function' && [one.name, one.arn].includes(String(properties.FunctionName)),
    );
    const hidden = Number(queue?.properties.VisibilityTimeout ?? VISIBILITY_SECONDS);
    const taken = Number(target?.properties.Timeout ?? TIMEOUT_SECONDS);
    if (queue === undefined || hidden >= taken) return [];
    const why = `${queue.name} hides messages for ${hidden} s, and the function may take ${taken} s`;
    return [`${file}: ${logicalId} would be refused by Lambda: ${why}`];
  });
  if (faults.length > 0) throw new UnsupportedTemplateError(faults);
}

function definitionOf(mapping: Resource, target: LocalFunction, refuse: (why: string) => Error) {
  try {
    return defineMapping(mapping, target);
  } catch (error) {
    throw error instanceof IntrinsicFault ? refuse(`cannot be run: ${error.message}`) : error;
  }
}

/** What takes the letters about records that are given up; `undefined` where it cannot be told, and for FIFO, which Lambda refuses. */
function letterBox(resources: readonly Resource[], arn: string | undefined, client: EmulatorClient) {
  if (arn === undefined) return async () => {};
  const target = arn.endsWith('.fifo') ? undefined : resources.find((resource) => resource.arn === arn);
  if (target?.type === 'AWS::SQS::Queue')
    return async (letter: JsonObject) => {
      await client.sqs('SendMessage', { QueueUrl: String(target.ref), MessageBody: JSON.stringify(letter) });
    };
  if (target?.type === 'AWS::SNS::Topic')
    return (letter: JsonObject) => client.sns('Publish', { TopicArn: arn, Message: JSON.stringify(letter) }, {});
  return undefined;
}
