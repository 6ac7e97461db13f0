/** @module What a function says: JSON lines, each with the id of the request that it was said in. */
import { type Log, stderrLog, unfailing, withFields } from '../../bus/log.ts';
import type { LambdaContext } from './events.ts';

export interface LambdaLog extends Log {
  /** Everything said from now on belongs to this request; a process has one at a time. */
  begin(context: LambdaContext): void;
}

export function lambdaLog(log: Log = stderrLog): LambdaLog {
  let requestId: string | undefined;
  return {
    ...withFields(unfailing(log), () => (requestId === undefined ? {} : { requestId })),
    begin({ awsRequestId }) {
      requestId = awsRequestId;
    },
  };
}
