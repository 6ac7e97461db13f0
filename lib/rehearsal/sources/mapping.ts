/** @module An event source mapping: what the template says of it, and what drives it. */
import type { Json, JsonObject } from '../../core/json.ts';
import type { LocalFunction } from '../functions/local-function.ts';
import type { Resource } from '../resources/stack-scope.ts';
import { filterOf } from './filter-criteria.ts';

export interface MappingDefinition {
  readonly uuid: string;
  readonly arn: string;
  readonly sourceArn: string;
  readonly target: LocalFunction;
  readonly enabled: boolean;
  readonly batchSize: number;
  readonly windowMs: number;
  /** Batches at once. */
  readonly concurrency: number;
  readonly reportsFailures: boolean;
  readonly passes: (record: Json) => boolean;
  readonly bisects: boolean;
  /** Streams only; `undefined` for no limit. */
  readonly maxAttempts: number | undefined;
  readonly maxAgeMs: number | undefined;
  readonly parallelization: number;
  /** ARN of a queue or topic that hears of what is given up; streams only. */
  readonly onFailure: string | undefined;
}

/** Drives one mapping. */
export interface Source extends AsyncDisposable {
  readonly definition: MappingDefinition;
  /** `Disabling` until the last poll has come back. */
  readonly state: 'Enabled' | 'Disabling' | 'Disabled';
  enable(): void;
  disable(): void;
  /** Records that were received and are not settled. */
  readonly busy: number;
  /** Rises with everything that is received. */
  readonly received: number;
  /** Resolves once a poll that began after the call has found nothing. At once where the mapping is disabled. */
  emptied(): Promise<void>;
}

/** Batches at once of a queue without `MaximumConcurrency`; Lambda begins with five. */
const POLLERS = 5;

export function defineMapping({ properties, ref, arn }: Resource, target: LocalFunction): MappingDefinition {
  const number = (name: string) => (properties[name] === undefined ? undefined : Number(properties[name]));
  const limited = (value: number | undefined) => (value === undefined || value < 0 ? undefined : value);
  const inside = (name: string, field: string) => (properties[name] as JsonObject | undefined)?.[field];
  const sourceArn = String(properties.EventSourceArn);
  const isStream = sourceArn.includes(':dynamodb:');
  const types = properties.FunctionResponseTypes;
  const onFailure = (inside('DestinationConfig', 'OnFailure') as JsonObject | undefined)?.Destination;
  const retries = limited(number('MaximumRetryAttempts'));
  const age = limited(number('MaximumRecordAgeInSeconds'));
  return {
    uuid: String(ref),
    arn,
    sourceArn,
    target,
    enabled: properties.Enabled !== false,
    batchSize: number('BatchSize') ?? (isStream ? 100 : 10),
    windowMs: 1000 * (number('MaximumBatchingWindowInSeconds') ?? 0),
    concurrency: Math.min(Number(inside('ScalingConfig', 'MaximumConcurrency') ?? POLLERS), target.concurrency),
    reportsFailures: Array.isArray(types) && types.includes('ReportBatchItemFailures'),
    passes: filterOf(properties.FilterCriteria),
    bisects: properties.BisectBatchOnFunctionError === true,
    maxAttempts: retries === undefined ? undefined : retries + 1,
    maxAgeMs: age === undefined ? undefined : age * 1000,
    parallelization: number('ParallelizationFactor') ?? 1,
    onFailure: onFailure === undefined ? undefined : String(onFailure),
  };
}
