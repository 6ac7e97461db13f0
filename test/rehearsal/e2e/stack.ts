import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import type { AwsOptions } from '../../../lib/backends/aws/aws-settings.ts';
import { Guild, type GuildProps } from '../../../lib/constructs/guild.ts';
import { connectionText } from '../../../lib/environment/aws-outputs.ts';
import type { Rehearsal } from '../../../lib/rehearsal/rehearsal.ts';

export interface Assembly extends Disposable {
  /** What `cdk synth` would write. */
  readonly folder: string;
}

/** A stack of one guild, synthesized with its real bundles. */
export function synthesized(props: GuildProps): Assembly {
  const folder = mkdtempSync(join(tmpdir(), 'guildwire-e2e-'));
  const app = new App({ outdir: folder, analyticsReporting: false });
  new Guild(new Stack(app, 'E2e'), 'Guild', props);
  app.synth();
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Queues that hold what is due much later. */
export const timers = /Delays/;

/** For a program outside, which calls the services directly: what the stack tells of itself. */
export function connectionOf({ outputs, endpoints, credentials }: Rehearsal): AwsOptions {
  const connection = JSON.parse(connectionText(outputs) ?? '{}') as AwsOptions;
  return { ...connection, endpoints, credentials };
}
