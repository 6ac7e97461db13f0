import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, vi } from 'vitest';
import { startEmulators } from '../../../lib/rehearsal/emulators.ts';
import { describeBackend } from '../../../lib/testing/conformance/describe-backend.ts';
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
describe.concurrent('at once', () => describeBackend('aws', awsHarness(emulators, tables, true)));
