/** @module The SDK's client of SQS, loaded by the first call: event sources bring and delete what functions handle. */
import {
  ChangeMessageVisibilityBatchCommand,
  type ChangeMessageVisibilityBatchRequest,
  DeleteMessageBatchCommand,
  type DeleteMessageBatchRequest,
  GetQueueAttributesCommand,
  type GetQueueAttributesRequest,
  ReceiveMessageCommand,
  type ReceiveMessageRequest,
  SendMessageBatchCommand,
  type SendMessageBatchRequest,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { ClientOptions } from './aws-calls.ts';

/** The URL of a queue says where it is, unless an endpoint is given. */
export const sqsClient = (options: ClientOptions): SQSClient =>
  new SQSClient({ ...options, useQueueUrlAsEndpoint: !options.endpoint });

export const receiveCommand = (input: ReceiveMessageRequest) => new ReceiveMessageCommand(input);
export const sendBatchCommand = (input: SendMessageBatchRequest) => new SendMessageBatchCommand(input);
export const deleteBatchCommand = (input: DeleteMessageBatchRequest) => new DeleteMessageBatchCommand(input);
export const changeVisibilityBatchCommand = (input: ChangeMessageVisibilityBatchRequest) =>
  new ChangeMessageVisibilityBatchCommand(input);
export const attributesCommand = (input: GetQueueAttributesRequest) => new GetQueueAttributesCommand(input);
