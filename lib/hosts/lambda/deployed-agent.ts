/** @module The agent that a function hosts, as its deployment knows it. */
import { type FieldFault, InvalidArgumentError } from '../../core/errors.ts';
import { show } from '../../core/show.ts';
import { type AwsVariable, awsEnvironment, awsVariables } from '../../environment/aws-variables.ts';
import type { GuildManifest, ManifestAgent } from '../../environment/guild-manifest.ts';
import type { Agent } from '../../guild/define-agent.ts';

export interface DeployedAgent {
  readonly agent: Agent;
  readonly manifest: ManifestAgent;
}

const NEEDED: readonly AwsVariable[] = ['messagesTable', 'ledgerTable', 'agent', 'queue', 'namespaces'];

/**
 * The agent under the name that the environment says, with what the deployment was made for: what it follows and publishes, its
 * guarantee, and how its attempts go, as a configuration of the guild may have changed them.
 *
 * @param exported The default export of its file.
 * @throws InvalidArgumentError naming everything that is wrong, when the function starts: it can then handle nothing.
 */
export function deployedAgent(
  exported: Agent,
  { agents }: GuildManifest,
  environment = awsEnvironment(),
): DeployedAgent {
  const faults: FieldFault[] = NEEDED.filter((name) => environment[name] === undefined).map((name) => ({
    field: awsVariables[name],
    problem: 'is not set: the deployment sets it',
  }));
  if (exported?.kind !== 'guildwire.agent') {
    const problem = `got ${show(exported)}: the file of an agent has it as its default export, as defineAgent gave it`;
    faults.push({ field: 'agent', problem });
  }
  const { agent: name } = environment;
  const manifest = agents.find((agent) => agent.name === name);
  if (name !== undefined && manifest === undefined) {
    const known = agents.map((agent) => agent.name).join(', ');
    faults.push({ field: awsVariables.agent, problem: `got ${show(name)}: agents of this deployment are ${known}` });
  }
  if (faults.length > 0 || manifest === undefined) throw new InvalidArgumentError(faults);
  const { patterns, lease: _, lanes: __, ...declared } = manifest;
  const subscribes = patterns.filter((pattern) => !OWN.some((root) => pattern === `${root}.${manifest.name}`));
  return { agent: Object.freeze({ ...exported, ...declared, subscribes }), manifest };
}

/** What every agent follows by itself. */
const OWN = ['$inbox', '$self'] as const;
