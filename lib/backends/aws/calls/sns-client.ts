/** @module The SDK's client of SNS, loaded by the first publish: few functions besides the relay ever have one. */
import { PublishBatchCommand, type PublishBatchInput, SNSClient } from '@aws-sdk/client-sns';
import type { ClientOptions } from './aws-calls.ts';

export const snsClient = (options: ClientOptions): SNSClient => new SNSClient(options);

export const publishBatchCommand = (input: PublishBatchInput): PublishBatchCommand => new PublishBatchCommand(input);
