import { describeBackend, memoryHarness } from 'guildwire/testing';
import { vi } from 'vitest';
import { modestHarness } from './modest.ts';

vi.setConfig({ testTimeout: 20_000 });

describeBackend('the whole backend', memoryHarness);
describeBackend('the modest backend', modestHarness);
