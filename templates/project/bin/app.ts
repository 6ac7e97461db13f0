/** The guild on AWS: `npx cdk deploy`. */
import { App, Stack } from 'aws-cdk-lib';
import { Guild } from 'guildwire/constructs';
import guild from '../guild.ts';

const app = new App();
const stack = new Stack(app, '{{stack}}');
new Guild(stack, 'Guild', { guild });
app.synth();
