/** @module What a program outside has to know to work with a deployed guild; `aws:` URLs read it from the stack's outputs. */
import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { GuildManifest } from '../environment/guild-manifest.ts';
import type { AgentFunction } from './agent-function.ts';
import type { IMessageLog } from './message-log-base.ts';
import type { Relay } from './relay.ts';

export interface Deployed extends Construct {
  readonly log: IMessageLog;
  readonly relay: Relay;
  readonly agents: ReadonlyMap<string, AgentFunction>;
  readonly manifest: GuildManifest;
}

export function connectionOf(guild: Deployed, topicArnPrefix: string) {
  const { log, relay, agents, manifest } = guild;
  return {
    region: Stack.of(guild).region,
    messagesTable: log.messages.tableName,
    ledgerTable: log.ledger.tableName,
    bucket: log.attachments.bucketName,
    topicArnPrefix,
    delaysQueue: relay.delays.queueUrl,
    safetyQueue: relay.safety.queueUrl,
    queues: Object.fromEntries([...agents].map(([name, { queues }]) => [name, queueOf(queues)])),
    manifest,
  };
}

const queueOf = ({ queue, urgentQueue, isOrdered }: AgentFunction['queues']) => ({
  url: queue.queueUrl,
  ...(urgentQueue !== undefined && { urgentUrl: urgentQueue.queueUrl }),
  isOrdered,
});
