import { defineGuild } from 'guildwire';
import splitter from './splitter.ts';
import tally from './tally.ts';

export default defineGuild({ name: 'chaos', agents: [splitter, tally] });
