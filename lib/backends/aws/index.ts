/** @module guildwire/aws: the backend on AWS. */
export type { AwsBackend, AwsBackendOptions, LeasesOfOptions } from './aws-backend.ts';
export type { AwsConnection, AwsQueue } from './aws-settings.ts';
export { openAwsBackend } from './open-aws-backend.ts';
export type { BatchResponse, LambdaBatch, QueueEvent } from './queues/lambda-batch.ts';
