/** The doc-review example as a stack: `npx cdk deploy`. With `-c stage=prod` it is another one beside it. */
import { App, Stack } from 'aws-cdk-lib';
import guild from '../examples/doc-review/guild.ts';
import { Guild } from '../lib/constructs/guild.ts';

const app = new App();
const stage: unknown = app.node.tryGetContext('stage');
const isStaged = typeof stage === 'string' && stage !== '';
const stack = new Stack(app, isStaged ? `DocReview-${stage}` : 'DocReview', {
  description: 'Agents that review a document',
});
new Guild(stack, 'Guild', {
  guild,
  ...(isStaged && { namespaces: [stage] }),
  // Dictionaries that lie beside their code, and code that ES modules refuse: it assigns what it never declares.
  bundling: { nodeModules: ['dictionary-en', 'dictionary-en-gb', 'passive-voice'] },
});
app.synth();
