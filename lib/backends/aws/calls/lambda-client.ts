/** @module The SDK's client of Lambda, loaded by the first pause that turns an agent's event sources off or on. */
import {
  LambdaClient,
  UpdateEventSourceMappingCommand,
  type UpdateEventSourceMappingCommandInput,
} from '@aws-sdk/client-lambda';
import type { ClientOptions } from './aws-calls.ts';

export const lambdaClient = (options: ClientOptions): LambdaClient => new LambdaClient(options);

export const updateMappingCommand = (input: UpdateEventSourceMappingCommandInput): UpdateEventSourceMappingCommand =>
  new UpdateEventSourceMappingCommand(input);
