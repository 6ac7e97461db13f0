/** The emulator of SNS and SQS in a process of its own, so that what it costs is nobody's. Tells its URL; ends with its parent. */
import type { AddressInfo } from 'node:net';
import { buildApp } from 'fauxqs';
import { emulatedRegion } from '../lib/rehearsal/emulators.ts';

const app = buildApp({ logger: false, defaultRegion: emulatedRegion });
await app.listen({ port: 0, host: '127.0.0.1' });
process.on('disconnect', () => process.exit());
process.send?.(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
