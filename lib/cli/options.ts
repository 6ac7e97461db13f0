/** @module The flags that all commands share, and what they say together with configuration and environment. */
import { type Command, InvalidArgumentError } from 'commander';
import type { LoadedSettings } from '../configuration/load-settings.ts';
import { type GemstoneId, isGemstoneId, timeOf } from '../core/gemstone-id.ts';
import { UsageError } from './failure.ts';

export interface SharedFlags {
  readonly url?: string;
  readonly backend?: string;
  readonly namespace?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** Where to work: every command but those that run a guild themselves. */
export function withTarget(command: Command): Command {
  return withOutput(
    command
      .option('-u, --url <url>', 'server to talk to (default: http://127.0.0.1:4100, where `guildwire dev` listens)')
      .option('-b, --backend <backend>', 'work on a backend itself: a URL, or a file with one of your own'),
  );
}

export function withOutput(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'running instance of the guild (default: default)')
    .option('--json', 'results as JSON, one object per line');
}

export function withConsent(command: Command): Command {
  return command.option('-y, --yes', 'do not ask before something is changed that is not on this machine');
}

/** Settings with these flags over them. @throws ConfigurationError, UsageError */
export async function settingsOf(
  flags: SharedFlags,
  more: Readonly<Record<string, unknown>> = {},
): Promise<LoadedSettings> {
  if (flags.url !== undefined && flags.backend !== undefined)
    throw new UsageError('--url and --backend exclude each other: a server has its backend');
  const { loadSettings } = await import('../configuration/load-settings.ts');
  const { url, backend, namespace } = flags;
  return loadSettings({ folder: process.cwd(), flags: { url, backend, namespace, ...more } });
}

/** @throws UsageError for a stretch of time that ends before it begins. */
export function refuseReversed(since: number | GemstoneId | undefined, until: number | GemstoneId | undefined): void {
  if (since === undefined || until === undefined) return;
  const msOf = (point: number | GemstoneId) => (typeof point === 'number' ? point : timeOf(point));
  if (msOf(since) > msOf(until)) throw new UsageError('--since lies after --until: exchange them');
}

/** A whole number from a flag. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(
      `Allowed is a whole number from ${least}${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : ''}.`,
    );
  };
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `500ms`, `30s`, `5m`, `2h` or `7d`, in ms. */
export function duration(text: string): number {
  const [, value, unit] = /^(\d+(?:\.\d+)?)(ms|s|min|m|h|d)$/.exec(text) ?? [];
  if (value === undefined || unit === undefined)
    throw new InvalidArgumentError('Allowed is a length of time such as 500ms, 30s, 5m, 2h or 7d.');
  return Math.round(Number(value) * (UNITS[unit] ?? 1));
}

/** A point in time: a length of time ago, an RFC 3339 time, or a gemstone ID. */
export function pointInTime(text: string): number | GemstoneId {
  if (/^\d+(\.\d+)?(ms|s|min|m|h|d)$/.test(text)) return Date.now() - duration(text);
  if (isGemstoneId(text)) return text;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new InvalidArgumentError(
      'Allowed are a time (2026-11-21T10:00:00Z), a length of time ago (5m), and the id of a message.',
    );
  return time;
}

/** `key=value`, repeated. */
export function keyValue(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Allowed is name=value.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

export const list = (text: string): readonly string[] => text.split(',').filter((part) => part !== '');
