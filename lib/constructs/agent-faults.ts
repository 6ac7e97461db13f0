/** @module What keeps an agent from running on AWS. */
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FieldFault } from '../core/errors.ts';
import { show } from '../core/show.ts';
import { MAX_AGENT_NAME, nameProblem } from '../core/topic.ts';
import type { Agent } from '../guild/define-agent.ts';
import type { AgentDeployment } from './agent-deployment.ts';

const MAX_TIMEOUT_MS = 870_000;
/** https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html */
const VARIABLE = /^[A-Za-z][A-Za-z0-9_]+$/;
/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, and our own. */
const RESERVED = /^(?:GUILDWIRE_|AWS_|LAMBDA_|_)/;
/** In MB. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const [MIN_MEMORY, MAX_MEMORY] = [128, 10_240];
const [MIN_CONCURRENCY, MAX_CONCURRENCY] = [2, 1_000];

/** Everything at once. An agent may come from another version of the library, or by a cast, so it is checked anew. */
export function agentFaults(
  agent: Agent,
  { lanes = false, maxConcurrency, memorySize, environment = {} }: AgentDeployment,
): FieldFault[] {
  const faults: FieldFault[] = [];
  const check = (field: string, isRight: boolean, problem: string) => isRight || faults.push({ field, problem });
  const named = nameProblem(agent.name, MAX_AGENT_NAME);
  check('name', named === undefined, named ?? '');
  const isTaken = agent.name in Object.prototype;
  check('name', !isTaken, `got ${show(agent.name)}: the CDK has no place for what every object has; use another name`);
  check('timeoutMs', agent.timeoutMs <= MAX_TIMEOUT_MS, `got ${agent.timeoutMs}: the limit is ${MAX_TIMEOUT_MS} ms`);
  check('from', agent.from === 'now', `got ${show(agent.from)}: here it is 'now'; replay what was published before`);
  const keepsOrder = !(lanes && agent.ordering === 'key');
  check('lanes', keepsOrder, `got true with ordering 'key': two queues keep no order; leave out the one or the other`);
  const whole = (field: string, value: number | undefined, least: number, most: number, unit = '') =>
    check(
      field,
      value === undefined || (Number.isInteger(value) && value >= least && value <= most),
      `got ${show(value)}: allowed are ${least} to ${most}${unit}`,
    );
  whole('maxConcurrency', maxConcurrency, MIN_CONCURRENCY, MAX_CONCURRENCY);
  whole('memorySize', memorySize, MIN_MEMORY, MAX_MEMORY, ' MB');
  for (const name of Object.keys(environment)) {
    const problem = variableProblem(name);
    check(`environment.${name}`, problem === undefined, problem ?? '');
  }
  const entry = entryProblem(agent.entry);
  check('entry', entry === undefined, entry ?? '');
  return faults;
}

/** Values are not shown: some hold a secret all the same. */
function variableProblem(name: string): string | undefined {
  if (RESERVED.test(name)) return 'is reserved: the platform, or Lambda itself, sets such variables; use another name';
  if (VARIABLE.test(name)) return undefined;
  return 'a name has two or more of A-Z, a-z, 0-9 and _, and begins with a letter';
}

function entryProblem(entry: unknown): string | undefined {
  const path = pathOf(entry);
  if (path === undefined) {
    return `got ${show(entry)}: write import.meta.url in the file whose default export the agent is`;
  }
  return existsSync(path) && statSync(path).isFile() ? undefined : `got ${show(path)}: there is no such file`;
}

/** Undefined for what names no file of this machine. */
function pathOf(entry: unknown): string | undefined {
  if (typeof entry !== 'string' || !entry.startsWith('file:')) return undefined;
  try {
    return fileURLToPath(entry);
  } catch {
    return undefined;
  }
}
