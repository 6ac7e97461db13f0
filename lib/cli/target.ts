/** @module Opening what a command works on: a server by its URL, or a backend itself. */
import type { Backend } from '../backends/backend.ts';
import type { ServerDescription } from '../backends/redis/server-description.ts';
import type { Bus } from '../bus/bus.ts';
import type { LoadedSettings } from '../configuration/load-settings.ts';
import { masked } from '../configuration/masked.ts';
import type { Guild } from '../guild/define-guild.ts';
import { UsageError } from './failure.ts';
import type { Target } from './remote.ts';
import type { AgentNode } from './views/graph-view.ts';

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * A backend is closed with its target: await what works on it before returning.
 *
 * @throws UsageError for memory, which nobody can reach from here; GuildFileError, and what opening the backend throws.
 */
export async function openTarget({ settings, sources }: LoadedSettings): Promise<Target> {
  const sourceOf = (path: string) => sources.find((each) => each.path === path)?.source ?? 'default';
  const { backend, url = devUrl(settings), namespace, token } = settings;
  const isMemory = backend.startsWith('memory:');
  if (isMemory && sourceOf('backend').startsWith('--'))
    throw new UsageError(
      `${backend} lives in one process only, so there is nothing in it here: name a server with --url, or a file with a backend of your own`,
    );
  // A flag or a variable that names a server wins over a backend of the file; and memory is that of `guildwire dev`.
  if (sourceOf('backend') !== 'default' && sourceOf('url') === 'default' && !isMemory)
    return openOnBackend(backend, settings);
  const { openServer } = await import('./server-target.ts');
  return openServer({ url, namespace, token, isLocal: LOOPBACK.test(new URL(url).hostname) });
}

async function openOnBackend(name: string, settings: LoadedSettings['settings']): Promise<Target> {
  const [{ loadBackend }, { openBus }] = await Promise.all([import('../dev/load-backend.ts'), import('../bus/bus.ts')]);
  const guild = await configuredGuild(settings);
  const backend = await loadBackend(name, guild?.families);
  const { namespace } = settings;
  const options = { namespace, sender: 'user:cli', ...(guild && { families: guild.families }) };
  const bus = openBus(backend, options);
  return {
    where: `backend ${masked(name)}`,
    isLocal: backend.name === 'memory' || isNear(name),
    namespace,
    bus,
    agents: async () => joined(guild, await bus.stats()),
    ...(isDescribed(backend) && { describeServer: () => backend.describeServer() }),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

type Described = Backend & { describeServer(): Promise<ServerDescription> };
const isDescribed = (backend: Backend): backend is Described => 'describeServer' in backend;

/** Whether a URL names this machine; a list of hosts does not parse, and counts as elsewhere. */
const isNear = (url: string) => LOOPBACK.test(URL.parse(url)?.hostname ?? '');

/** Where `guildwire dev` listens with these settings. */
export function devUrl({ http: { host, port } }: LoadedSettings['settings']): string {
  const near = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${near.includes(':') ? `[${near}]` : near}:${port === 0 ? 4_100 : port}`;
}

/** The guild that the configuration names, with its settings; undefined if it names none. */
export async function configuredGuild(settings: LoadedSettings['settings']): Promise<Guild | undefined> {
  if (settings.guild === undefined) return undefined;
  const [{ loadGuild }, { configureGuild }] = await Promise.all([
    import('../dev/load-guild.ts'),
    import('../guild/configure-guild.ts'),
  ]);
  return configureGuild(await loadGuild(settings.guild), settings);
}

/** What the guild says of its agents, and what the backend says of their work. */
export function joined(guild: Guild | undefined, stats: Awaited<ReturnType<Bus['stats']>>): readonly AgentNode[] {
  const names = [...new Set([...Object.keys(guild?.agents ?? {}), ...stats.map(({ agent }) => agent)])];
  return names.map((name) => {
    const agent = guild?.agents[name];
    const { waiting, dead, paused } = stats.find((each) => each.agent === name) ?? {};
    return {
      name,
      subscribes: agent?.subscribes ?? [],
      publishes: agent?.publishes ?? [],
      formats: agent?.handlers.flatMap(({ format }) => format?.name ?? []) ?? [],
      ...(waiting !== undefined && { waiting }),
      ...(dead !== undefined && { dead }),
      ...(paused !== undefined && { paused }),
    };
  });
}
