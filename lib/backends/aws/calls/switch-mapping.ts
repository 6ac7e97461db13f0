/** @module Turns an event source mapping of Lambda on and off. Whoever pauses no agents does not have this. */
import { loadClient } from '../../load-client.ts';
import type { AwsCalls } from './aws-calls.ts';
import { unavailable } from './aws-errors.ts';

/**
 * Tells Lambda to read a queue, or to leave it alone; it takes up to a minute or so to do so. The same may be told twice.
 *
 * @param uuid Of the mapping.
 * @param deadlineAt Unix ms after which it is not tried again while the mapping is busy with an earlier change.
 * @throws BackendUnavailableError when the time is over.
 * @throws AwsAccessDeniedError, AwsRefusedError at once.
 */
export type SwitchMapping = (calls: AwsCalls, uuid: string, isEnabled: boolean, deadlineAt: number) => Promise<void>;

const CLIENT = '@aws-sdk/client-lambda';
/** It is being created, or changed by somebody: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html */
const BUSY = ['ResourceInUseException', 'ResourceConflictException'];

export const switchMapping: SwitchMapping = async (calls, uuid, isEnabled, deadlineAt) => {
  const { lambdaClient, updateMappingCommand } = await loadClient(CLIENT, () => import('./lambda-client.ts'));
  const command = updateMappingCommand({ UUID: uuid, Enabled: isEnabled });
  const about = { action: 'lambda:UpdateEventSourceMapping', resource: uuid, deadlineAt, answers: BUSY };
  for (let tries = 0; ; tries++) {
    try {
      await calls.send(calls.client('lambda', lambdaClient), command, about);
      return;
    } catch (error) {
      if (!(error instanceof Error && BUSY.includes(error.name))) throw error;
      if (!(await calls.waitToRepeat(tries, deadlineAt))) throw unavailable(error, about.action, uuid);
    }
  }
};
