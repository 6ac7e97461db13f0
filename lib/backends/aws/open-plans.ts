/** @module Plans, put together. Loaded when the first is made or run, since agents' functions do neither. */
import type { AwsParts } from './aws-parts.ts';
import { Repeats } from './ledger/again.ts';
import { PlanRows } from './ledger/plan-rows.ts';
import { PlanWork } from './ledger/plan-work.ts';
import { Plans } from './ledger/plans.ts';

export function openPlans({ calls, dynamodb, commits, reader, trails, publishBatch }: AwsParts): Plans {
  const rows = new PlanRows(dynamodb);
  const repeats = new Repeats(dynamodb, publishBatch, trails);
  return new Plans(calls, reader, rows, new PlanWork({ dynamodb, commits, reader, rows, repeats }));
}
