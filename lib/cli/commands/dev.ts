/** @module `guildwire dev`: a guild at work on this machine, seen while it works, and reloaded when its files change. */
import { Command } from 'commander';
import type { Backend } from '../../backends/backend.ts';
import type { Log } from '../../bus/log.ts';
import { shown } from '../../configuration/load-problem.ts';
import { masked } from '../../configuration/masked.ts';
import type { ReloadEvent } from '../../dev/dev-guild.ts';
import type { DevServer as DevServerType } from '../../dev/dev-server.ts';
import type { Guild } from '../../guild/define-guild.ts';
import { ExitCode, UsageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { list, type SharedFlags, settingsOf, wholeNumber, withOutput } from '../options.ts';
import { runCommand } from '../run-command.ts';

interface Flags extends SharedFlags {
  readonly agents?: readonly string[];
  readonly host?: string;
  readonly port?: number;
  readonly quiet?: boolean;
}

export function devCommand(): Command {
  return withOutput(new Command('dev'))
    .description('run a guild with its HTTP API, show what is said, reload when its files change')
    .argument('[guild]', 'file whose default export is the guild (default: that of the configuration)')
    .option('-a, --agents <names>', 'only these agents, with commas between them', list)
    .option('-b, --backend <backend>', 'backend to run on (default: memory:)')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1; others need GUILDWIRE_TOKEN)')
    .option('-p, --port <port>', 'port to listen on, 0 for any (default: 4100)', wholeNumber(0, 65_535))
    .option('-q, --quiet', 'do not show what is said')
    .addHelpText(
      'after',
      '\nExample:\n  $ guildwire dev guild.ts\n  $ guildwire publish said Hello        # in another terminal',
    )
    .action((guild: string | undefined, flags: Flags) => runCommand(flags, (io) => dev(guild, flags, io)));
}

async function dev(file: string | undefined, flags: Flags, io: Io): Promise<ExitCode> {
  const { settings } = await settingsOf(flags, { guild: file, 'http.host': flags.host, 'http.port': flags.port });
  const path = settings.guild;
  if (path === undefined)
    throw new UsageError('name the guild file: `guildwire dev guild.ts`, or set `guild` in guildwire.config.yaml');
  const [{ loadBackend }, { DevGuild }, { DevServer }, { metered }, { configureGuild }, { plainLog }] =
    await Promise.all([
      import('../../dev/load-backend.ts'),
      import('../../dev/dev-guild.ts'),
      import('../../dev/dev-server.ts'),
      import('../../backends/metered/metered-backend.ts'),
      import('../../guild/configure-guild.ts'),
      import('../plain-log.ts'),
    ]);
  const { namespace, http, token } = settings;
  const log = plainLog(io);
  const startedAt = Date.now();
  let served: DevServerType | undefined;
  await using backend = metered(await loadBackend(settings.backend));
  await using guild = await DevGuild.open({
    file: path,
    backend,
    namespace,
    log,
    configure: (loaded) => configureGuild(loaded, settings),
    ...(flags.agents !== undefined && { agents: flags.agents }),
    onReload: (event) => {
      if (event.kind === 'reloaded') served?.use(event.guild);
      tellReload(event, log, io);
    },
  });
  const { host, port, corsOrigins: origins } = http;
  await using server = await DevServer.open({
    backend,
    guild: guild.guild,
    namespace,
    host,
    port,
    origins,
    token,
    log,
  });
  served = server;
  const { url } = server;
  const isElsewhere = flags.port !== undefined || flags.host !== undefined;
  greet(path, { guild: guild.guild, agents: flags.agents, url, namespace, backend: settings.backend, isElsewhere }, io);
  if (flags.quiet) await new Promise((resolve) => io.signal.addEventListener('abort', resolve, { once: true }));
  else await show(namespace, backend, startedAt, io);
  io.note('stopping: what runs is finished first, what waits stays in the backend');
  return ExitCode.DONE;
}

interface Greeting {
  readonly guild: Guild;
  readonly agents: readonly string[] | undefined;
  readonly url: string;
  readonly namespace: string;
  readonly backend: string;
  /** Whether other commands must be told where the server is. */
  readonly isElsewhere: boolean;
}

function greet(file: string, { guild, url, namespace, ...rest }: Greeting, io: Io): void {
  const agents = rest.agents ?? Object.keys(guild.agents);
  if (io.isJson) {
    io.line(JSON.stringify({ url, namespace, guild: guild.name, agents }));
    return;
  }
  const where = namespace === 'default' ? '' : `, namespace ${namespace}`;
  io.line(`${io.paint('bold', guild.name)} at work: ${agents.join(', ')}`);
  io.line(
    `  ${io.paint('green', url)} on ${masked(rest.backend)}${where}; reloads when ${shown(file)} or what it imports changes`,
  );
  const target = rest.isElsewhere ? ` --url ${url}` : '';
  io.line(io.paint('dim', `  in another terminal: guildwire publish TOPIC PAYLOAD${target}; Ctrl-C ends it`));
}

function tellReload(event: ReloadEvent, log: Log, io: Io): void {
  if (event.kind === 'outdated') {
    log.warn(`${event.file} is read at the start only: start dev again for what has changed in it`);
    return;
  }
  if (event.kind === 'failed') {
    if (io.isJson) log.error('not reloaded', { reason: event.reason });
    else io.warn(`${io.paint('red', 'not reloaded')}, the agents before go on: ${event.reason}`);
    return;
  }
  const agents = Object.keys(event.guild.agents);
  const removed = Object.keys(event.before.agents).filter((name) => !agents.includes(name));
  if (io.isJson) log.info('reloaded', { agents, removed });
  else io.warn(io.paint('dim', `reloaded: ${agents.join(', ')}`));
  if (removed.length > 0 && !io.isJson)
    io.warn(io.paint('dim', `no longer there: ${removed.join(', ')}; what waits for them is kept`));
}

/** What is said, line by line, until Ctrl-C. */
async function show(namespace: string, backend: Backend, since: number, io: Io): Promise<void> {
  const [{ openBus }, { toChatLine, toJsonLine }] = await Promise.all([
    import('../../bus/bus.ts'),
    import('../views/message-view.ts'),
  ]);
  const bus = openBus(backend, { namespace, sender: 'user:cli' });
  for await (const message of bus.tail({ pattern: '**', since }, { signal: io.signal }))
    io.line(io.isJson ? toJsonLine(message) : toChatLine(message, io));
}
