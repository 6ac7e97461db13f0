import type { Project } from '../cli.ts';

type Resources = Readonly<Record<string, object>>;

export interface MadeAssembly {
  readonly resources?: Resources;
  /** In a stack nested in the first. */
  readonly nested?: Resources;
  /** `unknown-region` by default, as of a stack that can be deployed anywhere. */
  readonly region?: string;
  readonly manifest?: object;
}

/** Writes what `cdk synth` would: `cdk.out` with one stack, `Shop`. */
export function writeAssembly(project: Project, { resources = {}, nested, region, manifest }: MadeAssembly): void {
  const environment = `aws://unknown-account/${region ?? 'unknown-region'}`;
  const properties = { templateFile: 'Shop.template.json' };
  const artifacts = { Shop: { type: 'aws:cloudformation:stack', environment, properties } };
  const stack = { Type: 'AWS::CloudFormation::Stack', Metadata: { 'aws:asset:path': 'Inner.nested.template.json' } };
  const Connection = {
    Value: { 'Fn::Join': ['', ['{"region":"', { Ref: 'AWS::Region' }, `","manifest":${JSON.stringify(manifest)}}`]] },
  };
  project.write('cdk.out/manifest.json', JSON.stringify({ version: '55.0.0', artifacts }));
  project.write(
    'cdk.out/Shop.template.json',
    JSON.stringify({
      Resources: { ...resources, ...(nested !== undefined && { Inner: stack }) },
      ...(manifest !== undefined && { Outputs: { Connection } }),
    }),
  );
  project.write('cdk.out/Inner.nested.template.json', JSON.stringify({ Resources: nested ?? {} }));
}

/** An agent's function, queue and event source. */
export function agentResources(name: string, settings: { memoryMb?: number; batchSize?: number; limit?: number } = {}) {
  const { memoryMb = 256, batchSize = 10, limit } = settings;
  return {
    [`${name}Queue`]: { Type: 'AWS::SQS::Queue', Properties: {} },
    [`${name}Host`]: {
      Type: 'AWS::Lambda::Function',
      Properties: {
        MemorySize: memoryMb,
        Architectures: ['arm64'],
        Environment: { Variables: { GUILDWIRE_AGENT: name } },
      },
    },
    [`${name}Source`]: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        BatchSize: batchSize,
        EventSourceArn: { 'Fn::GetAtt': [`${name}Queue`, 'Arn'] },
        FunctionName: { Ref: `${name}Host` },
        ...(limit !== undefined && { ScalingConfig: { MaximumConcurrency: limit } }),
      },
    },
  };
}

/** What a guild says of one agent to programs outside. */
export const manifestAgent = (name: string, guarantee: string, lease = false) => ({
  name,
  guarantee,
  lease,
  ordering: 'none',
});
