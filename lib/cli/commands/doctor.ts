/** @module `guildwire doctor`: whether everything is in place, and what to do where it is not. */
import { Command } from 'commander';
import type { LoadedSettings } from '../../configuration/load-settings.ts';
import { GuildwireError } from '../../core/errors.ts';
import { ExitCode, hintOf } from '../failure.ts';
import type { Io } from '../io.ts';
import { type SharedFlags, settingsOf, withTarget } from '../options.ts';
import { runCommand } from '../run-command.ts';

interface Flags extends SharedFlags {
  readonly config?: boolean;
  readonly guild?: string;
}

interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'fault';
  readonly detail: string;
}
type Tell = (finding: Finding) => void;

const MAX_CLOCK_MS = 1_000;

export function doctorCommand(): Command {
  return withTarget(new Command('doctor'))
    .description('check Node, configuration, guild file, server or backend, and clock, and say what to do')
    .option('-g, --guild <file>', 'guild file to check (default: that of the configuration)')
    .option('--config', 'print every setting and where it comes from; secrets are masked')
    .action((flags: Flags) => runCommand(flags, (io) => (flags.config ? config(flags, io) : doctor(flags, io))));
}

async function config(flags: Flags, io: Io): Promise<ExitCode> {
  const { sources } = await settingsOf(flags, { guild: flags.guild });
  const { toTable } = await import('../views/table.ts');
  const rows = sources.map(({ path, value, source }) => [path, JSON.stringify(value), io.paint('dim', source)]);
  for (const line of io.isJson ? sources.map((each) => JSON.stringify(each)) : toTable(rows)) io.line(line);
  return ExitCode.DONE;
}

async function doctor(flags: Flags, io: Io): Promise<ExitCode> {
  let faults = 0;
  const colours = { ok: 'green', warning: 'yellow', fault: 'red' } as const;
  const tell = (finding: Finding) => {
    const { check, state, detail } = finding;
    if (state === 'fault') faults++;
    const mark = io.paint(colours[state], state.padEnd(7));
    io.line(
      io.isJson ? JSON.stringify(finding) : `${mark}  ${check}: ${detail.replaceAll('\n', `\n${' '.repeat(9)}`)}`,
    );
  };
  tell({ check: 'Node', state: 'ok', detail: process.version });
  const loaded = await attempt('configuration', tell, () => settingsOf(flags, { guild: flags.guild }));
  if (loaded !== undefined) {
    const set = loaded.sources.filter(({ source }) => source !== 'default').length;
    const detail = set === 0 ? 'all defaults' : `${set} ${set === 1 ? 'value' : 'values'} set; see --config`;
    tell({ check: 'configuration', state: 'ok', detail });
    await checkGuild(loaded, tell);
    await checkTarget(loaded, tell);
  }
  io.note(faults === 0 ? 'everything is in place' : `${faults} to mend`);
  return faults === 0 ? ExitCode.DONE : ExitCode.FAILED;
}

async function checkGuild({ settings }: LoadedSettings, tell: Tell): Promise<void> {
  if (settings.guild === undefined) {
    const detail = 'no file is named: give --guild, or set `guild` in guildwire.config.yaml';
    tell({ check: 'guild', state: 'warning', detail });
    return;
  }
  const { configuredGuild } = await import('../target.ts');
  const guild = await attempt('guild', tell, () => configuredGuild(settings));
  if (guild === undefined) return;
  tell({ check: 'guild', state: 'ok', detail: `${guild.name}: ${Object.keys(guild.agents).join(', ')}` });
}

async function checkTarget(loaded: LoadedSettings, tell: Tell): Promise<void> {
  const { openTarget } = await import('../target.ts');
  // Nobody said that there is a server: that there is none may be as it should.
  const isNamed = loaded.sources.some(({ path, source }) => /^(url|backend)$/.test(path) && source !== 'default');
  const check = loaded.settings.url === undefined && isNamed ? 'backend' : 'server';
  const before = Date.now();
  const state = isNamed ? 'fault' : 'warning';
  const target = await attempt(check, tell, () => openTarget(loaded));
  if (target === undefined) return;
  await using open = target;
  const topics = await attempt(check, tell, () => open.bus.topics(), state);
  if (topics === undefined) return;
  const count = `${topics.length} ${topics.length === 1 ? 'topic' : 'topics'} in use`;
  tell({ check, state: 'ok', detail: `${open.where} answers in ${Date.now() - before} ms, ${count}` });
  const described = open.describeServer && (await attempt('redis', tell, open.describeServer));
  if (described !== undefined) {
    const { toServerLine, toServerRisk } = await import('../views/server-view.ts');
    const risk = toServerRisk(described);
    const detail = toServerLine(described) + (risk === undefined ? '' : `\n${risk}`);
    tell({ check: 'redis', state: risk === undefined ? 'ok' : 'warning', detail });
  }
  const { timeOf } = await import('../../core/gemstone-id.ts');
  const aheadMs = Math.max(0, ...topics.map(({ lastId }) => timeOf(lastId))) - Date.now();
  if (aheadMs <= MAX_CLOCK_MS) tell({ check: 'clock', state: 'ok', detail: 'not behind what is stored' });
  else {
    const detail = `${aheadMs} ms behind what is stored: set the time of this machine, with NTP say`;
    tell({ check: 'clock', state: 'fault', detail });
  }
}

/** What the work gives; a failure is told, and gives undefined. */
async function attempt<T>(
  check: string,
  tell: Tell,
  work: () => Promise<T>,
  state: Finding['state'] = 'fault',
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GuildwireError)) throw error;
    const hint = hintOf(error);
    tell({
      check,
      state: error.code === 'UNREACHABLE' ? state : 'fault',
      detail: error.message + (hint ? `\n${hint}` : ''),
    });
    return undefined;
  }
}
