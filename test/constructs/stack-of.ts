import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Guild, type GuildProps } from '../../lib/constructs/guild.ts';
import guild from './fixtures/guild.ts';

export interface Synthesized {
  readonly app: App;
  readonly stack: Stack;
  readonly guild: Guild;
  readonly template: Template;
}

/** The fixture guild as a stack. */
export function stackOf(props: Partial<GuildProps> = {}, name = 'Fixture'): Synthesized {
  const app = new App({ analyticsReporting: false });
  const stack = new Stack(app, name);
  const deployed = new Guild(stack, 'Guild', { guild, agents: { thinker: { lanes: true } }, ...props });
  return { app, stack, guild: deployed, template: Template.fromStack(stack) };
}

/** A stack to put a single construct into. */
export const emptyStack = (): Stack => new Stack(new App({ analyticsReporting: false }), 'Alone');

export interface CfnResource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: properties of a template are what they are
  readonly Properties: any;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly Metadata?: Readonly<Record<string, string>>;
  readonly DependsOn?: readonly string[];
}

export const resourcesOf = (template: Template, type: string): ReadonlyMap<string, CfnResource> =>
  new Map(Object.entries(template.findResources(type) as Record<string, CfnResource>));
