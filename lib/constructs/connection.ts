/** @module What a program outside has to know to work with a deployed guild; `aws:` URLs read it from the stack's outputs. */
import { CfnOutput, Stack, Token, Tokenization } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { connectionPiece } from '../environment/aws-outputs.ts';
import type { GuildManifest } from '../environment/guild-manifest.ts';
import type { AgentFunction } from './agent-function.ts';
import type { IMessageLog } from './message-log-base.ts';
import type { Relay } from './relay.ts';
import { topStack } from './top-stack.ts';
import { refuse } from './undeployable-error.ts';

export interface Deployed extends Construct {
  readonly log: IMessageLog;
  readonly relay: Relay;
  readonly agents: ReadonlyMap<string, AgentFunction>;
  readonly manifest: GuildManifest;
}

/**
 * No output's value is longer. The quotas of CloudFormation name a limit for parameters, and none for outputs
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
 */
export const MAX_PIECE = 4_096;
/** Of the 200 outputs that a stack may have. All together then stay below what stacks were seen to take, 450,000 characters. */
export const MAX_PIECES = 100;
/** What a value that only the deployment knows may have at most: a table's name is the longest. */
const MAX_VALUE = 255;

/**
 * Puts the connection into the outputs of the stack that is deployed.
 *
 * @throws UndeployableError if they cannot hold it.
 */
export function tellConnection(guild: Deployed, topicArnPrefix: string): void {
  const stack = topStack(guild);
  const pieces = piecesOf(JSON.stringify(connectionOf(guild, topicArnPrefix)));
  const problem = `takes ${pieces.length} outputs of ${MAX_PIECE} characters but the limit is ${MAX_PIECES}: split the guild`;
  refuse(guild, pieces.length > MAX_PIECES ? [{ field: 'connection', problem }] : []);
  for (const [index, value] of pieces.entries())
    new CfnOutput(stack, connectionPiece(index), {
      value,
      description: index === 0 ? 'For aws: URLs' : `More of ${connectionPiece(0)}`,
    });
}

/**
 * Each surely fits, however long the values become that are not known yet.
 *
 * @param text JSON, with such values in it.
 */
export function piecesOf(text: string): readonly string[] {
  const pieces: string[] = [];
  let room = 0;
  const add = (part: string, length: number) => {
    if (length > room) {
      pieces.push('');
      room = MAX_PIECE;
    }
    pieces.push(`${pieces.pop()}${part}`);
    room -= length;
  };
  for (const fragment of fragmentsOf(inAscii(text))) {
    if (Token.isUnresolved(fragment)) {
      add(fragment, MAX_VALUE);
      continue;
    }
    for (let rest = fragment; rest !== ''; ) {
      const part = rest.slice(0, room === 0 ? MAX_PIECE : room);
      add(part, part.length);
      rest = rest.slice(part.length);
    }
  }
  return pieces;
}

/** What is known, and each value that is not, in their order. */
function fragmentsOf(text: string): readonly string[] {
  const inOne = { join: (left: unknown, right: unknown) => [left, right].flat() };
  return [Tokenization.reverseString(text).join(inOne)].flat().map(String);
}

/** So that a character is a byte, and none is cut in two. */
const inAscii = (json: string) =>
  json.replaceAll(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

function connectionOf(guild: Deployed, topicArnPrefix: string) {
  const { log, relay, agents, manifest } = guild;
  const { namespaces } = log;
  return {
    region: Stack.of(guild).region,
    messagesTable: log.messages.tableName,
    ledgerTable: log.ledger.tableName,
    bucket: log.attachments.bucketName,
    topicArnPrefix,
    delaysQueue: relay.delays.queueUrl,
    safetyQueue: relay.safety.queueUrl,
    queues: Object.fromEntries([...agents].map(([name, { queues }]) => [name, queueOf(queues)])),
    ...(namespaces !== 'dynamic' && { namespaces, sources: sourcesOf(agents) }),
    manifest,
  };
}

const queueOf = ({ queue, urgentQueue, isOrdered }: AgentFunction['queues']) => ({
  url: queue.queueUrl,
  ...(urgentQueue !== undefined && { urgentUrl: urgentQueue.queueUrl }),
  isOrdered,
});

const sourcesOf = (agents: Deployed['agents']) =>
  Object.fromEntries(
    [...agents].map(([name, { sources }]) => [name, sources.map(({ eventSourceMappingId }) => eventSourceMappingId)]),
  );
