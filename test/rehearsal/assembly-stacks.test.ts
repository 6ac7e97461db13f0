import { mkdirSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readAssembly } from '../../lib/rehearsal/template/read-assembly.ts';

const somewhere = { account: '000000000000', region: 'us-east-1' };

/** A folder with these files; what is no text is written as JSON. */
function folderOf(files: Readonly<Record<string, unknown>>) {
  const folder = mkdtempDisposableSync(join(tmpdir(), 'guildwire-stacks-'));
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

const stageOf = (name: string, region: string) => ({
  [`assembly-${name}/manifest.json`]: {
    artifacts: {
      [`${name}Shop1A2B`]: {
        type: 'aws:cloudformation:stack',
        displayName: `${name}/Shop`,
        environment: `aws://unknown-account/${region}`,
        properties: { templateFile: 'shop.json', stackName: `${name}-Shop` },
      },
    },
  },
  [`assembly-${name}/shop.json`]: { Resources: {}, Description: name },
});

const staged = {
  ...stageOf('dev', 'unknown-region'),
  ...stageOf('prod', 'eu-west-1'),
  'manifest.json': {
    artifacts: Object.fromEntries(
      ['dev', 'prod'].map((name) => [
        name,
        { type: 'cdk:cloud-assembly', properties: { directoryName: `assembly-${name}` } },
      ]),
    ),
  },
};

test.for(['prod/Shop', 'prod-Shop', 'prodShop1A2B'])('a stack of a stage is found as %s', (name) => {
  using folder = folderOf(staged);

  const { stack, directory, region } = readAssembly(folder.path, name, somewhere);

  expect(stack).toMatchObject({ name: 'prod-Shop', template: { Description: 'prod' } });
  expect({ directory, region }).toEqual({ directory: join(folder.path, 'assembly-prod'), region: 'eu-west-1' });
  expect(readAssembly(folder.path, 'dev/Shop', somewhere).region).toBeUndefined();
});

const stack = { type: 'aws:cloudformation:stack', properties: { templateFile: 'a.json' } };
test.for<[string, Readonly<Record<string, unknown>>, RegExp]>([
  ['no stack', { 'manifest.json': {} }, /holds no stack: synthesize the app that has the guild \(npx cdk synth\)$/],
  ['several stacks', staged, /holds several stacks \(dev\/Shop, prod\/Shop\): say which one with --stack$/],
  ['half of a manifest', { 'manifest.json': '{ "art' }, /manifest\.json holds no JSON: synthesize anew/],
  ['a manifest that is nothing', { 'manifest.json': 'null' }, /manifest\.json holds no object: synthesize anew/],
  ['no template', { 'manifest.json': { artifacts: { A: stack } } }, /a\.json cannot be read: synthesize first/],
  ['a list', { 'manifest.json': { artifacts: { A: stack } }, 'a.json': [] }, /a\.json holds no object/],
])('an assembly with %s is refused, with what to do', ([, files, message]) => {
  using folder = folderOf(files);

  expect(() => readAssembly(folder.path, undefined, somewhere)).toThrow(
    expect.objectContaining({ code: 'INVALID_ASSEMBLY', message: expect.stringMatching(message) }),
  );
});
