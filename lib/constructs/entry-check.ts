/** @module Whether the file that an agent names really gives that agent, since a bundle runs what the file gives. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { FieldFault } from '../core/errors.ts';
import { show } from '../core/show.ts';
import type { Agent } from '../guild/define-agent.ts';

const require = createRequire(import.meta.url);

/**
 * The default export has to be the agent, or the one that it was spread from under another name.
 *
 * A file that was loaded by other means than Node's (a test runner's) is loaded again, and so gives another object: then what
 * the two say is compared. So it is for a file that awaits at its top level, which is looked at in a process of its own.
 */
export function entryFault(agent: Agent): readonly FieldFault[] {
  const field = `agents.${agent.name}.entry`;
  const path = fileURLToPath(agent.entry);
  const loaded = load(path);
  if ('problem' in loaded) return [{ field, problem: `${path} cannot be loaded: ${loaded.problem}` }];
  const { exported } = loaded;
  const what = `the default export of ${path}`;
  if (exported?.kind !== 'guildwire.agent') {
    return [{ field, problem: `${what} is ${show(exported)}: export the agent as default, from a file of its own` }];
  }
  if (isOf(agent, exported)) return settingFaults(agent, exported, path);
  return [
    {
      field,
      problem: `${what} is another agent (${show(exported.name)}): write entry: import.meta.url there, and one agent a file`,
    },
  ];
}

interface Exported extends Omit<Partial<Agent>, 'handlers'> {
  readonly kind: 'guildwire.agent';
  readonly handlers: readonly { readonly format?: { readonly name: string } | undefined }[];
}

type Loaded = { readonly exported: Exported | undefined } | { readonly problem: string };

function load(path: string): Loaded {
  try {
    return { exported: (require(path) as { readonly default?: Exported }).default };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ERR_REQUIRE_ASYNC_MODULE' ? loadApart(path) : { problem: message.split('\n')[0] ?? '' };
  }
}

const program = `
  const { default: agent } = await import(process.argv[1]);
  const plain = (key, value) => typeof value === 'function' ? undefined : value;
  process.stdout.write(JSON.stringify(agent ?? null, plain));`;

function loadApart(path: string): Loaded {
  const args = [...process.execArgv, '--input-type=module', '--eval', program, path];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status === 0) return { exported: JSON.parse(stdout) ?? undefined };
  return { problem: stderr.split('\n').find((line) => line.includes('Error')) ?? `node ended with ${status}` };
}

/** Whether an agent has the handlers of the one that its file exports. */
function isOf(agent: Agent, exported: Exported): boolean {
  const { handlers } = agent;
  if (sameHandlers(agent, exported)) return true;
  const share = handlers.some(
    ({ format }, index) => format !== undefined && format === exported.handlers[index]?.format,
  );
  // Of one loading, and yet not the same handlers.
  if (share) return false;
  return agent.entry === exported.entry && formatsOf(agent) === formatsOf(exported);
}

const sameHandlers = (agent: Agent, exported: Exported) => (exported.handlers as unknown) === agent.handlers;
const formatsOf = ({ handlers }: Exported) => handlers.map(({ format }) => format?.name ?? 'any').join(' ');

/** What a deployment takes from the file of an agent; the rest it takes from the guild. */
function settingFaults(agent: Agent, exported: Exported, path: string): FieldFault[] {
  const surroundings = sameHandlers(agent, exported) ? (['use', 'hooks'] as const) : [];
  const differs = surroundings.filter((key) => agent[key] !== exported[key]);
  return differs.map((key) => ({
    field: `agents.${agent.name}.${key}`,
    problem: `is not as in ${path}, which is what a deployment runs: set it there`,
  }));
}
