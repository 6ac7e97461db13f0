import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Cli, Project, startDev } from '../cli/cli.ts';

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

/** An agent that says what it heard, and which version of it that was. */
const echo = (name: string, version: string, more = '') => `
  import { defineAgent, genericJson } from 'guildwire';
  import { mark } from '../mark.ts';
  export default defineAgent({
    name: '${name}', entry: import.meta.url, subscribes: ['heard.${name}'], publishes: ['said.${name}'],
    handlers: (on) => [on.any(async (payload, context) => {
      ${more}
      context.publish('said.${name}', genericJson, \`\${payload} \${mark} ${version}\`);
    })],
  });`;
const guild = (...agents: readonly string[]) => `
  import { defineGuild } from 'guildwire';
  ${agents.map((name) => `import ${name} from './agents/${name}.ts';`).join('\n')}
  export default defineGuild({ name: 'echoes', agents: [${agents.join(', ')}], allowUndeclared: true });`;

function echoes(): Project {
  return new Project({
    'guild.ts': guild('one', 'two'),
    'mark.ts': "export const mark = 'by';",
    'agents/one.ts': echo('one', 'v1'),
    'agents/two.ts': echo('two', 'v1'),
  });
}

/** What an agent published, in its order. */
async function said(dev: Awaited<ReturnType<typeof startDev>>, topic: string): Promise<readonly string[]> {
  const { out } = await dev.ask('history', topic, '--json', '--limit', '1000');
  return linesOf(out).map((line) => JSON.parse(line).payload);
}

test.concurrent('a changed file is at work at once, also one that agents only import; what waited is handled by the new one', async () => {
  using project = echoes();
  await using dev = await startDev(['guild.ts'], { cwd: project.folder });
  await dev.ask('publish', 'heard.one', 'a');
  await dev.cli.line(/said\.one .*"a by v1"/);
  await dev.ask('pause', 'one');
  await dev.ask('publish', 'heard.one', 'b');

  project.write('agents/one.ts', echo('one', 'v2'));
  await dev.cli.line(/^reloaded: one, two$/, 'err');
  await dev.ask('resume', 'one');
  await dev.cli.line(/said\.one .*"b by v2"/);
  project.write('mark.ts', "export const mark = 'from';");
  await dev.cli.line(/^reloaded: /, 'err');
  await dev.ask('publish', 'heard.two', 'c');
  await dev.cli.line(/said\.two .*"c from v1"/);

  expect(await said(dev, 'said.*')).toEqual(['a by v1', 'b by v2', 'c from v1']);
  expect((await dev.cli.interrupt()).code).toBe(0);
});

test.concurrent('a file that does not load leaves the agents before at work, and is taken once it does', async () => {
  using project = echoes();
  await using dev = await startDev(['guild.ts'], { cwd: project.folder });

  project.write('agents/one.ts', 'export default (');
  const syntax = await dev.cli.line(/^not reloaded/, 'err');
  await dev.ask('publish', 'heard.one', 'a');
  await dev.cli.line(/"a by v1"/);
  project.write('agents/one.ts', "import './missing.ts';\n".concat(echo('one', 'v2')));
  const missing = await dev.cli.line(/^not reloaded/, 'err');
  project.write('agents/missing.ts', 'export {};');
  await dev.cli.line(/^reloaded: one, two$/, 'err');
  await dev.ask('publish', 'heard.one', 'b');
  await dev.cli.line(/"b by v2"/);
  project.write('guild.ts', guild('one', 'two').replace("name: 'echoes'", "name: 'two words'"));
  const definition = await dev.cli.line(/^not reloaded/, 'err');

  expect(syntax).toMatch(/the agents before go on: guild\.ts cannot be loaded: .*\(agents\/one\.ts:\d+\)$/);
  expect(missing).toContain("Cannot find module 'agents/missing.ts' imported from agents/one.ts");
  expect(definition).toContain('guild "two words" cannot be defined so: name');
  expect(await said(dev, 'said.*')).toEqual(['a by v1', 'b by v2']);
});

test.concurrent('what waits for an agent that is taken out is there when it is back', async () => {
  using project = echoes();
  await using dev = await startDev(['guild.ts'], { cwd: project.folder });

  project.write('guild.ts', guild('one'));
  await dev.cli.line(/^reloaded: one$/, 'err');
  await dev.cli.line(/^no longer there: two; what waits for them is kept$/, 'err');
  await dev.ask('publish', 'heard.two', 'a');
  const { out } = await dev.ask('agents');
  project.write('guild.ts', guild('one', 'two'));
  await dev.cli.line(/said\.two .*"a by v1"/);

  expect(out).toContain('two  (1 waiting)');
});

test.concurrent('nothing is handled twice and nothing is lost while files change quickly', async () => {
  using project = echoes();
  await using dev = await startDev(['guild.ts', '--quiet'], { cwd: project.folder });
  await using publisher = new Cli(['publish', 'heard.one', '--lines', '--format', 'generic_json'], {
    env: { GUILDWIRE_URL: dev.url },
  });
  let published = 0;
  const publish = async (count: number) => {
    for (let index = 0; index < count; index++) publisher.write(`${published++}\n`);
    for (let index = 0; index < count; index++) await publisher.line(/^heard\.one\//);
  };

  await publish(50);
  for (let version = 2; version <= 4; version++) {
    const publishing = publish(50);
    project.write('agents/one.ts', echo('one', `v${version}`));
    project.write('agents/two.ts', echo('two', `v${version}`));
    await Promise.all([publishing, dev.cli.line(/^reloaded: /, 'err')]);
    await publish(10);
  }
  project.write('agents/one.ts', echo('one', 'v5'));
  project.write('agents/one.ts', echo('one', 'v6'));
  await dev.cli.line(/^reloaded: /, 'err');
  await publish(1);
  await using last = new Cli(['tail', 'said.one', '--since', '1h'], { env: { GUILDWIRE_URL: dev.url } });
  await last.line(new RegExp(` "${published - 1} by v6"$`));

  const heard = (await said(dev, 'said.one')).map((text) => Number(text.split(' ')[0]));
  expect(heard.toSorted((one, other) => one - other)).toEqual(Array.from({ length: published }, (_, index) => index));
});

test.concurrent('a handler that runs when its file changes ends as it began, and is not run again', async () => {
  using project = echoes();
  // The new version, once it is loaded, lets the old one go on.
  const wait = "context.log.info('began'); await new Promise((resolve) => { globalThis.release = resolve; });";
  project.write('agents/one.ts', echo('one', 'v1', wait));
  await using dev = await startDev(['guild.ts'], { cwd: project.folder });
  await dev.ask('publish', 'heard.one', 'a');
  await dev.cli.line(/began/, 'err');

  project.write('agents/one.ts', `${echo('one', 'v2')}\nglobalThis.release?.();`);
  await dev.cli.line(/^reloaded: /, 'err');
  await dev.ask('publish', 'heard.one', 'b');
  await dev.cli.line(/"b by v2"/);

  expect(await said(dev, 'said.one')).toEqual(['a by v1', 'b by v2']);
});

test.concurrent('an editor that writes another file and renames it is seen as well; files that nobody imports are not', async () => {
  using project = echoes();
  await using dev = await startDev(['guild.ts', '--json'], { cwd: project.folder });

  project.write('agents/unused.ts', 'export default (');
  project.write('agents/.one.ts.swp', 'nothing');
  project.write('agents/one.new', echo('one', 'v2'));
  renameSync(join(project.folder, 'agents/one.new'), join(project.folder, 'agents/one.ts'));
  const first = await dev.cli.line(/reloaded/, 'err');

  expect(readFileSync(join(project.folder, 'agents/one.ts'), 'utf8')).toContain('v2');
  expect(JSON.parse(first)).toEqual({ level: 'info', text: 'reloaded', agents: ['one', 'two'], removed: [] });
});

test.concurrent('data that modules read is taken up, and the configuration only at the next start, which is said', async () => {
  using project = echoes();
  project.write('mark.json', '"by"');
  project.write(
    'mark.ts',
    "import { readFileSync } from 'node:fs'; export const mark = JSON.parse(readFileSync(new URL('mark.json', import.meta.url), 'utf8'));",
  );
  project.write('guildwire.config.yaml', 'guild: guild.ts\n');
  await using dev = await startDev([], { cwd: project.folder });

  project.write('guildwire.config.yaml', 'guild: other.ts\n');
  await dev.cli.line(/^warn guildwire\.config\.yaml is read at the start only: start dev again/, 'err');
  project.write('mark.json', '"from"');
  await dev.cli.line(/^reloaded: /, 'err');
  await dev.cli.interrupt();
});
