/** @module What keeps an agent from running on AWS. */
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FieldFault } from '../core/errors.ts';
import { show } from '../core/show.ts';
import { MAX_AGENT_NAME, nameProblem } from '../core/topic.ts';
import type { Agent } from '../guild/define-agent.ts';
import type { AgentDeployment } from './agent-deployment.ts';

const MAX_TIMEOUT_MS = 870_000;
/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, and our own. */
const RESERVED = /^(?:GUILDWIRE_|AWS_|LAMBDA_|_)/;

/** Everything at once. An agent may come from another version of the library, or by a cast, so it is checked anew. */
export function agentFaults(
  agent: Agent,
  { lanes = false, maxConcurrency, environment = {} }: AgentDeployment,
): FieldFault[] {
  const faults: FieldFault[] = [];
  const check = (field: string, isRight: boolean, problem: string) => isRight || faults.push({ field, problem });
  const named = nameProblem(agent.name, MAX_AGENT_NAME);
  check('name', named === undefined, named ?? '');
  check('timeoutMs', agent.timeoutMs <= MAX_TIMEOUT_MS, `got ${agent.timeoutMs}: the limit is ${MAX_TIMEOUT_MS} ms`);
  check('from', agent.from === 'now', `got ${show(agent.from)}: here it is 'now'; replay what was published before`);
  check('lanes', !(lanes && agent.ordering === 'key'), `got true with ordering 'key': two queues keep no order`);
  const inRange = maxConcurrency === undefined || (maxConcurrency >= 2 && maxConcurrency <= 1_000);
  check('maxConcurrency', inRange, `got ${show(maxConcurrency)}: allowed are 2 to 1000`);
  for (const variable of Object.keys(environment).filter((name) => RESERVED.test(name))) {
    check(`environment.${variable}`, false, 'is reserved: the platform, or Lambda itself, sets such variables');
  }
  const entry = entryProblem(agent.entry);
  check('entry', entry === undefined, entry ?? '');
  return faults;
}

function entryProblem(entry: unknown): string | undefined {
  if (typeof entry !== 'string' || !entry.startsWith('file:')) {
    return `got ${show(entry)}: write import.meta.url in the file whose default export the agent is`;
  }
  const path = fileURLToPath(entry);
  return existsSync(path) && statSync(path).isFile() ? undefined : `got ${show(path)}: there is no such file`;
}
