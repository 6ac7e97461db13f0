import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { guildwire, guildwireEach } from './cli.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

test.concurrent('help names every command and the exit codes, and each command has help with its own flags', async () => {
  const all = await guildwire(['--help']);
  const [redrive, number] = await guildwireEach([['dlq', 'redrive', '--help'], ['--version']]);

  expect(all.code).toBe(0);
  const commands = [...all.out.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
  expect(commands).toEqual([
    ...['init', 'dev', 'run', 'worker', 'doctor', 'rehearse', 'cost'],
    ...['publish', 'tail', 'history', 'thread', 'topics', 'agents'],
    ...['explain', 'dlq', 'replay', 'pause', 'resume'],
    'help',
  ]);
  expect(all.out).toContain('Exit codes: 0 done, 1 failed, 2 wrong use');
  expect(redrive?.out).toContain('$ guildwire dlq redrive grammar --error TypeError --rate 20');
  expect(number).toEqual({ code: 0, out: `${version}\n`, err: '' });
});

test.concurrent('what cannot be understood says what may have been meant, and ends with 2', async () => {
  const cases: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [['publsh', 'a', 'b'], /unknown command 'publsh'\n\(Did you mean publish\?\)\n\(guildwire --help/],
    [['dlq', 'lst'], /unknown command 'lst'\n\(Did you mean ls\?\)\n\(guildwire dlq --help/],
    [['tail', '--backlgo', '3'], /unknown option '--backlgo'\n\(Did you mean --backlog\?\)\n\(guildwire tail --help/],
    [['publish'], /missing required argument 'topic'/],
    [['history', 'a', '--limit', 'many'], /argument 'many' is invalid. Allowed is a whole number from 1\./],
    [['publish', 'a', 'b', '--priority', '12'], /Allowed is a whole number from 0 to 9\./],
    [['publish', 'a', 'b', '--delay', '3'], /Allowed is a length of time such as 500ms, 30s/],
    [['publish', 'a', 'b', '--header', 'x'], /Allowed is name=value\./],
    [['history', 'a', '--since', 'yesterday'], /Allowed are a time \(2026-11-21T10:00:00Z\)/],
    [['worker', 'guild.ts', '--drain', '-1'], /argument '-1' is invalid. Allowed is a whole number from 0\./],
    [[], /Usage: guildwire \[options\] \[command\]/],
  ];

  const ended = await guildwireEach(cases.map(([args]) => args));

  for (const [index, { code, out, err }] of ended.entries()) {
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(cases[index]?.[1] ?? '');
  }
});

test.concurrent('with --json a wrong flag is told as JSON as well', async () => {
  const { code, err } = await guildwire(['tail', '--backlgo', '3', '--json']);

  expect(code).toBe(2);
  expect(JSON.parse(err)).toEqual({
    error: { code: 'USAGE', message: expect.stringContaining('Did you mean --backlog?'), retryable: false },
  });
});

test.concurrent('flags that exclude each other, and settings that cannot be, end with 2 before anything is reached', async () => {
  const cases: readonly (readonly [args: readonly string[], env: Readonly<Record<string, string>>, said: string])[] = [
    [['topics', '--url', 'http://a', '--backend', 'b.ts'], {}, '--url and --backend exclude each other'],
    [['topics', '--url', 'localhost:4100'], {}, '--url url: is no URL of a server: write http://127.0.0.1:4100'],
    [['topics', '--backend', 'memory:'], {}, 'memory: lives in one process only'],
    [['topics', '--backend', 'amqp://me:secret@host/1'], {}, 'got "amqp://host/…": known are memory:'],
    [['topics', '--backend', './none.ts'], {}, 'no file ./none.ts'],
    [['topics'], { GUILDWIRE_TOKN: 'x' }, 'GUILDWIRE_TOKN: is no variable of Guildwire: did you mean GUILDWIRE_TOKEN?'],
    [['topics'], { GUILDWIRE_TOKEN: 'short' }, 'GUILDWIRE_TOKEN: is not at least 16 visible characters'],
    [['topics'], { GUILDWIRE_URL: 'http://me:secret@host' }, 'holds credentials: set GUILDWIRE_TOKEN instead'],
    [['history'], {}, 'say where to look: a topic, --thread, --conversation or --agent'],
    [['history', 'a', '--agent', 'b'], {}, 'and only one of them'],
    [['history', 'a', '--since', '1h', '--until', '2h'], {}, '--since lies after --until'],
    [['thread', 'orders'], {}, 'got "orders": allowed is an id'],
    [['explain', '01KAJ5Z0W3E2V7N9Q4R6T8Y1C4'], {}, 'allowed is topic/id'],
    [['dlq', 'redrive', 'a'], {}, 'say which to redrive: ids, a filter such as --error TypeError, or --all'],
    [['dlq', 'redrive', 'a', 'b', '--all'], {}, 'ids and --all exclude each other'],
    [['publish', 'a', 'b', '--file', 'c'], {}, 'a payload and --file exclude each other'],
  ];

  const ended = await guildwireEach(cases.map(([args, env]) => ({ args, env })));

  for (const [index, { code, out, err }] of ended.entries()) {
    expect(err).toContain(cases[index]?.[2]);
    expect(err).not.toMatch(/secret|\n {4}at /);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  }
});

test.concurrent('a server that is not there ends with 4, and says how to start one', async () => {
  const url = 'http://127.0.0.1:9';
  const [text, json] = await guildwireEach([
    ['topics', '--url', url],
    ['topics', '--url', url, '--json'],
  ]);

  expect(text).toEqual({
    code: 4,
    out: '',
    err: expect.stringMatching(
      /^error: cannot reach http:\/\/127\.0\.0\.1:9 .*\n`guildwire dev GUILD` starts a server/,
    ),
  });
  expect(json?.code).toBe(4);
  expect(JSON.parse(json?.err ?? '')).toMatchObject({
    error: { code: 'UNREACHABLE', retryable: true, hint: expect.stringContaining('guildwire dev') },
  });
});
