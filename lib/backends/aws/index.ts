/** @module guildwire/aws: the backend on AWS. */
export { type AwsBackend, type AwsBackendOptions, type LeasesOfOptions, openAwsBackend } from './aws-backend.ts';
export type { AwsConnection, AwsQueue } from './aws-settings.ts';
export type { BatchResponse, LambdaBatch, QueueEvent } from './queues/lambda-batch.ts';
