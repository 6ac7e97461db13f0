import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, vi } from 'vitest';
import { startEmulators } from '../../../lib/rehearsal/emulators.ts';
import { contractTests } from '../../../lib/testing/conformance/contract-test.ts';
import { describeBackend } from '../../../lib/testing/conformance/describe-backend.ts';
import { explainGroup } from '../../../lib/testing/conformance/explain.ts';
import { failuresGroup } from '../../../lib/testing/conformance/failures.ts';
import { outputsGroup } from '../../../lib/testing/conformance/outputs.ts';
import { progressGroup } from '../../../lib/testing/conformance/progress.ts';
import { recoveryGroup } from '../../../lib/testing/conformance/recovery.ts';
import { createTables } from '../../aws-emulators/tables.ts';
import { awsHarness } from './aws-harness.ts';

const emulators = await startEmulators();
const { endpoints, region, credentials } = emulators;
const bucket = 'attachments';
const s3 = new S3Client({ endpoint: endpoints.s3, region, credentials, forcePathStyle: true });
await s3.send(new CreateBucketCommand({ Bucket: bucket }));
s3.destroy();
const tables = { ...(await createTables(endpoints)), bucket };
afterAll(() => emulators[Symbol.asyncDispose]());

// Most of the time is waited, and each test has queues and a namespace of its own.
vi.setConfig({ maxConcurrency: 24, testTimeout: 600_000 });
describe.concurrent('at once', () => {
  describeBackend('aws', awsHarness(emulators, tables, true));
  // What counting has to do with: how deliveries end, and what tells of it.
  describe('aws without tracing keeps the delivery contract', () => {
    const contract = contractTests(awsHarness(emulators, tables, false));
    for (const { title, define } of [outputsGroup, failuresGroup, recoveryGroup, progressGroup, explainGroup])
      describe(title, () => define(contract));
  });
});
