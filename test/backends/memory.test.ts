import { describeBackend, memoryHarness } from 'guildwire/testing';

describeBackend('memory', memoryHarness);
