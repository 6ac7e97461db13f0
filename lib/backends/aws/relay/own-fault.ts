/** @module Whether SNS refuses an entry for what is in it, which it will do for ever; any other refusal is the deployment's. */
import type { GuildwireError } from '../../../core/errors.ts';
import { AwsRefusedError } from '../calls/aws-errors.ts';

export const isOwnFault = (error: GuildwireError): boolean =>
  error instanceof AwsRefusedError &&
  /^(?:InvalidParameter|Validation)/.test(error.reason) &&
  !error.reason.includes('TopicArn');
