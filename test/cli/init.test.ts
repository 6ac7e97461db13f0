import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { guildwire, Project } from './cli.ts';

const read = (...path: readonly string[]) => readFileSync(join(...path), 'utf8');
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

test.concurrent('a new project has a name, no placeholder left, and works at once', async () => {
  using project = new Project();
  const cwd = project.folder;

  const made = await guildwire(['init', 'My Guild'], { cwd });
  const folder = join(cwd, 'My Guild');
  const [ran, doctor] = await Promise.all([
    guildwire(['run', 'guild.ts', '--topic', 'guests', '--payload', '{"name":"Ada"}'], { cwd: folder }),
    guildwire(['doctor', '--config'], { cwd: folder }),
  ]);

  expect(made.code).toBe(0);
  expect(made.err).toBe("\nnext: cd 'My Guild' && npm install && npm test && npm run dev\n");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(linesOf(made.out).toSorted()).toEqual(
    files.map(({ parentPath, name }) => join(parentPath, name).slice(cwd.length + 1)).toSorted(),
  );
  expect(linesOf(made.out)).toContain('My Guild/.gitignore');
  for (const { parentPath, name } of files) expect(read(parentPath, name)).not.toMatch(/\{\{\w+\}\}/);
  const own = JSON.parse(read(import.meta.dirname, '../../package.json'));
  const manifest = JSON.parse(read(folder, 'package.json'));
  expect(manifest).toMatchObject({ name: 'my-guild', dependencies: { guildwire: own.version } });
  const { guildwire: _, ...needed } = { ...manifest.dependencies, ...manifest.devDependencies };
  expect({ ...own.dependencies, ...own.devDependencies }).toMatchObject(needed);
  expect(own.optionalDependencies).toEqual(manifest.optionalDependencies);
  expect(read(folder, 'bin/app.ts')).toContain("new Stack(app, 'MyGuild')");
  expect(ran).toMatchObject({ code: 0, err: '2 handled\n' });
  expect(ran.out).toMatch(/greeter → greetings\.quiet.*\n.*shouter → greetings\.loud .*HELLO, ADA!/);
  expect(doctor.out).toMatch(/^guild +".*guild\.ts" +guildwire\.config\.yaml:2:8$/m);
});

test.concurrent('a stack is called as CloudFormation allows, whatever the folder is called', async () => {
  using project = new Project();

  await guildwire(['init', '2nd try'], { cwd: project.folder });

  expect(read(project.folder, '2nd try/bin/app.ts')).toContain("new Stack(app, 'Guild2ndTry')");
});

test.concurrent('what is in a folder already is neither overwritten nor touched', async () => {
  using project = new Project();
  const { folder } = project;
  mkdirSync(join(folder, 'fresh/.git'), { recursive: true });
  writeFileSync(join(folder, 'fresh/.git/HEAD'), 'ref {{name}}');
  writeFileSync(join(folder, 'fresh/.gitignore'), 'mine');

  const [fresh, full, file] = await Promise.all([
    guildwire(['init', '--json'], { cwd: join(folder, 'fresh') }),
    guildwire(['init'], { cwd: folder }),
    guildwire(['init', 'package.json'], { cwd: folder }),
  ]);

  expect(fresh.code).toBe(0);
  expect(linesOf(fresh.out).map((line) => JSON.parse(line).file)).toContain('agents/greeter.ts');
  expect(read(folder, 'fresh/.git/HEAD')).toBe('ref {{name}}');
  expect(read(folder, 'fresh/.gitignore')).toBe('mine');
  expect(full.code).toBe(2);
  expect(full.err).toBe(
    'error: . is not empty (fresh, node_modules, package.json): name a folder that is new or empty\n',
  );
  expect(file).toMatchObject({ code: 2, err: 'error: package.json is a file: name a folder that is new or empty\n' });
});
