/** @module `guildwire worker`: some agents of a guild as one of any number of processes on a backend that they share. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Command } from 'commander';
import type { Backend } from '../../backends/backend.ts';
import type { Log } from '../../bus/log.ts';
import type { LoadedSettings } from '../../configuration/load-settings.ts';
import { masked } from '../../configuration/masked.ts';
import type { Guild } from '../../guild/define-guild.ts';
import { ExitCode, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { list, type SharedFlags, settingsOf, wholeNumber, withOutput } from '../options.ts';
import { runCommand } from '../run-command.ts';
import { tellConnection } from '../tell-connection.ts';

interface Flags extends SharedFlags {
  readonly agents?: readonly string[];
  readonly host?: string;
  readonly port?: number;
  readonly drain: number;
}

const DRAIN_MS = 10_000;
/** How long a process may go on that is kept alive by something that an agent left open. */
const LINGER_MS = 1_000;
const SERVER_CLOSE_MS = 1_000;

export function workerCommand(): Command {
  return withOutput(new Command('worker'))
    .description('run some agents of a guild, on a backend that other processes share, until Ctrl-C or SIGTERM')
    .argument('<guild>', 'file whose default export is the guild')
    .option('-a, --agents <names>', 'which, with commas between them (default: all)', list)
    .option('-b, --backend <backend>', 'backend that the processes of the guild share')
    .option('--drain <ms>', 'how long what runs may go on at the end, in ms', wholeNumber(0), DRAIN_MS)
    .option('-p, --port <port>', 'serve health and metrics on this port, 0 for any', wholeNumber(0, 65_535))
    .option('--host <address>', 'address to serve them on (default: 127.0.0.1; others need GUILDWIRE_TOKEN)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ guildwire worker guild.ts --backend redis://127.0.0.1:6379\n  $ guildwire worker guild.ts --agents grammar,clarity --backend redis://127.0.0.1:6379 --port 0',
    )
    .action((guild: string, flags: Flags) => runCommand(flags, (io) => work(guild, flags, io)));
}

async function work(file: string, flags: Flags, io: Io): Promise<ExitCode> {
  const { host, port, drain } = flags;
  const loaded = await settingsOf(flags, { guild: file, 'http.host': host, 'http.port': port });
  const { settings } = loaded;
  refuseMemory(settings.backend);
  const { configuredGuild } = await import('../target.ts');
  const guild = (await configuredGuild(settings)) as Guild;
  const agents = await chosenAgents(guild, flags.agents);
  const [{ loadBackend }, { metered }, { borrowed }, { StoreWatch }, { startGuild }, { plainLog }] = await Promise.all([
    import('../../dev/load-backend.ts'),
    import('../../backends/metered/metered-backend.ts'),
    import('../../backends/borrowed-backend.ts'),
    import('../../hosts/node/store-watch.ts'),
    import('../../guild/start-guild.ts'),
    import('../plain-log.ts'),
  ]);
  const worker = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const { namespace } = settings;
  const where = masked(settings.backend);
  const log = plainLog(io);
  await using backend = metered(await loadBackend(settings.backend, guild.families));
  let isAtWork = false;
  await using probes = await serveProbes(backend, guild, loaded, log, () => isAtWork);
  using watch = new StoreWatch({ backend, namespace, onChange: tellConnection(where, log, io) });
  await using running = await startGuild(guild, {
    backend: () => borrowed(backend),
    namespace,
    agents,
    log: watch.quiet(log),
  });
  isAtWork = true;
  greet({ worker, guild: guild.name, agents, namespace, backend: where, url: probes?.url }, io);
  await endOf(io.signal);
  io.note('finishing what runs; once more Ctrl-C to stop at once');
  probes?.closing();
  await running.drain(drain);
  // Whatever an agent left open keeps the process alive, and who ends a worker means it.
  setTimeout(() => process.exit(), SERVER_CLOSE_MS + LINGER_MS).unref();
  return ExitCode.DONE;
}

function refuseMemory(backend: string): void {
  if (!backend.startsWith('memory:')) return;
  throw new UsageError(
    'a worker shares its backend with other processes, and memory is this process only: give --backend redis://127.0.0.1:6379, say, or use `guildwire dev`',
  );
}

async function chosenAgents(guild: Guild, names: readonly string[] | undefined): Promise<readonly string[]> {
  const known = Object.keys(guild.agents);
  if (names === undefined) return known;
  if (names.length === 0)
    throw new UsageError(`--agents names none: there are ${known.join(', ')}; leave it out for all`);
  const { refuseUnknownAgents } = await import('../../dev/known-agents.ts');
  refuseUnknownAgents(names, guild);
  return known.filter((name) => names.includes(name));
}

interface Probes extends AsyncDisposable {
  readonly url: string;
  /** From now on it is no longer ready. */
  closing(): void;
}

/** Health and metrics, if a flag or a variable says where. A file's port is that of `dev`, and several workers run beside it. */
async function serveProbes(
  backend: Backend,
  guild: Guild,
  { settings, sources }: LoadedSettings,
  log: Log,
  isAtWork: () => boolean,
): Promise<Probes | undefined> {
  const source = sources.find(({ path }) => path === 'http.port')?.source ?? '';
  if (!/^(--|GUILDWIRE_)/.test(source)) return undefined;
  const [{ createHttpApp }, { bearerToken }, { probesOf }, { serveHttp }] = await Promise.all([
    import('../../http/create-http-app.ts'),
    import('../../http/authenticate.ts'),
    import('../../hosts/node/probes.ts'),
    import('../../hosts/node/serve-http.ts'),
  ]);
  const { namespace, http, token } = settings;
  const agents = async () => {
    if (!isAtWork()) throw new Error('the agents are not at work yet');
  };
  const app = createHttpApp({
    backend,
    guild,
    namespaces: [namespace],
    dependencies: { agents },
    log,
    ...(token !== undefined && { authenticate: bearerToken(token) }),
  });
  const server = await serveHttp(probesOf(app), { host: http.host, port: http.port });
  return {
    url: server.url,
    closing: () => void app.close(),
    [Symbol.asyncDispose]: () => server.close(SERVER_CLOSE_MS),
  };
}

interface Greeting {
  readonly worker: string;
  readonly guild: string;
  readonly agents: readonly string[];
  readonly namespace: string;
  readonly backend: string;
  readonly url: string | undefined;
}

function greet(greeting: Greeting, io: Io): void {
  const { worker, agents, namespace, backend, url } = greeting;
  if (io.isJson) {
    io.line(JSON.stringify(greeting));
    return;
  }
  io.note(`at work: ${agents.join(', ')} on ${backend}, namespace ${namespace}`);
  if (url !== undefined) io.note(`  health and metrics: ${url}/health/ready, ${url}/metrics`);
  io.note(io.paint('dim', `  this is worker ${worker}; Ctrl-C ends it`));
}

/** Ctrl-C, a request to end, or the end of the process that started this one and listens to it. */
async function endOf(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onEnd = () => resolve();
  signal.addEventListener('abort', onEnd, { once: true });
  process.once('disconnect', onEnd);
  if (signal.aborted) onEnd();
  await promise;
  process.off('disconnect', onEnd);
}
