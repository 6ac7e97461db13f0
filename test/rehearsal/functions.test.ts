import { setTimeout as wait } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import { WrittenAssembly } from './fixtures/assembly.ts';
import { until } from './fixtures/calls.ts';

const errorIn = (payload: string) => JSON.parse(payload) as { errorType: string; errorMessage: string };

test('a function gets the event, the context and the environment that Lambda would give it', async () => {
  const code = `export const handler = async (event, context) => ({
    event, name: context.functionName, left: context.getRemainingTimeInMillis(), env: process.env, cwd: process.cwd(),
  });`;
  using assembly = new WrittenAssembly({
    functions: { Echo: { code, properties: { Timeout: 7, Environment: { Variables: { QUEUE: { Ref: 'Jobs' } } } } } },
    resources: { Jobs: { Type: 'AWS::SQS::Queue' } },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const { payload, functionError } = await rehearsal.invoke('Echo', { a: 1 });
  const { event, name, left, env, cwd } = JSON.parse(payload);

  expect(functionError).toBeUndefined();
  expect([event, name]).toEqual([{ a: 1 }, 'Test-Echo']);
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(7000);
  expect(env).toMatchObject({
    AWS_REGION: 'us-east-1',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    AWS_ENDPOINT_URL_SQS: rehearsal.endpoints.sqs,
    AWS_ENDPOINT_URL_LAMBDA: rehearsal.endpoints.lambda,
    QUEUE: `${rehearsal.endpoints.sqs}/000000000000/Test-Jobs`,
  });
  expect(env.HOME).toBeUndefined();
  expect(cwd).not.toContain(assembly.directory);
});

test('a process is used again, and another one started only while it is busy', async () => {
  using assembly = new WrittenAssembly({
    functions: {
      Slow: `export const handler = async (ms) => { await new Promise((r) => setTimeout(r, ms)); return process.pid; };`,
    },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const first = await rehearsal.invoke('Slow', 0);
  const again = await rehearsal.invoke('Slow', 0);
  const both = await Promise.all([rehearsal.invoke('Slow', 100), rehearsal.invoke('Slow', 100)]);

  expect(again.payload).toBe(first.payload);
  expect(new Set(both.map(({ payload }) => payload)).size).toBe(2);
  expect(rehearsal.counts().functions['Test-Slow']).toMatchObject({ invocations: 4, coldStarts: 2, errors: 0 });
  expect(first.initMs).toBeGreaterThan(0);
  expect(again.initMs).toBeUndefined();
});

test('the time of an invocation begins when its process has it, however long that took to start', async () => {
  using assembly = new WrittenAssembly({ functions: { Quick: 'export const handler = async () => {};' } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  let now = performance.now();
  // Each look at the clock is a second after the last.
  using _ = vi.spyOn(performance, 'now').mockImplementation(() => (now += 1_000));

  const { durationMs, initMs } = await rehearsal.invoke('Quick', {});

  expect(initMs).toBeGreaterThan(0);
  expect(durationMs).toBeGreaterThan(0);
});

test('no more than the reserved concurrency runs at once', async () => {
  const code =
    'export const handler = async () => { await new Promise((r) => setTimeout(r, 30)); return process.pid; };';
  using assembly = new WrittenAssembly({
    functions: { Two: { code, properties: { ReservedConcurrentExecutions: 2 } } },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const results = await Promise.all(Array.from({ length: 8 }, () => rehearsal.invoke('Two', null)));

  expect(new Set(results.map(({ payload }) => payload)).size).toBe(2);
  expect(rehearsal.counts().functions['Test-Two']?.invocations).toBe(8);
});

test('an error that the handler throws is the answer, and the process lives on', async () => {
  const code = `export const handler = async (bad) => { if (bad) throw new TypeError('no such thing'); return process.pid; };`;
  using assembly = new WrittenAssembly({ functions: { Fails: code } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const before = await rehearsal.invoke('Fails', false);
  const { payload, functionError } = await rehearsal.invoke('Fails', true);
  const after = await rehearsal.invoke('Fails', false);

  expect(functionError).toBe('Unhandled');
  expect(errorIn(payload)).toMatchObject({ errorType: 'TypeError', errorMessage: 'no such thing' });
  expect(after.payload).toBe(before.payload);
});

test.for([
  ['{ message: { code: 1 } }', '[object Object]'],
  ['{ message: 5 }', '5'],
  ['null', 'null'],
] as const)('what is thrown tells in text what it is, although it is no error: %s', async ([thrown, errorMessage]) => {
  using assembly = new WrittenAssembly({
    functions: { Fails: `export const handler = async () => { throw ${thrown}; };` },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const { payload } = await rehearsal.invoke('Fails', null);

  expect(errorIn(payload)).toMatchObject({ errorType: 'object', errorMessage });
});

test('a handler that runs out of time is killed, and the next invocation gets a new process', async () => {
  const code = `export const handler = async (spin) => { while (spin); return process.pid; };`;
  using assembly = new WrittenAssembly({ functions: { Spins: { code, properties: { Timeout: 1 } } } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const before = await rehearsal.invoke('Spins', false);
  const late = await rehearsal.invoke('Spins', true);
  const after = await rehearsal.invoke('Spins', false);

  expect(errorIn(late.payload)).toEqual({
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${late.requestId} Error: Task timed out after 1.00 seconds`,
  });
  expect(after.functionError).toBeUndefined();
  expect(after.payload).not.toBe(before.payload);
});

test.for([
  ['process.exit(3)', 'Runtime exited with error: exit status 3'],
  ["process.kill(process.pid, 'SIGKILL')", 'Runtime exited with error: signal: killed'],
  ["setTimeout(() => { throw new Error('late') })", 'Runtime exited with error: exit status 129'],
] as const)('a process that ends in the middle of a handler fails the invocation: %s', async ([statement, message]) => {
  const code = `export const handler = async (end) => { if (end) { ${statement}; await new Promise((r) => setTimeout(r, 5000)); } return 'well'; };`;
  using assembly = new WrittenAssembly({ functions: { Dies: { code, properties: { Timeout: 20 } } } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const { payload, functionError } = await rehearsal.invoke('Dies', true);
  const after = await rehearsal.invoke('Dies', false);

  expect(functionError).toBe('Unhandled');
  expect(errorIn(payload).errorType).toBe('Runtime.ExitError');
  expect(errorIn(payload).errorMessage).toContain(message);
  expect(rehearsal.logsOf('Dies').map(({ text }) => text)).toContainEqual(expect.stringContaining(message));
  expect(after.payload).toBe('"well"');
});

test.for([
  ["throw new RangeError('no settings')", 'RangeError', 'no settings'],
  ["import 'not-bundled'", 'Runtime.ImportModuleError', "Cannot find package 'not-bundled'"],
  ['process.exit(4)', 'Runtime.ExitError', 'exit status 4'],
  ['await new Promise(() => {})', 'Runtime.ExitError', 'exit status 13'],
  ['export const handler = 1', 'Runtime.HandlerNotFound', 'index.handler is not a function'],
  ['export const handler = (event, context, callback) => {}', 'Runtime.CallbackHandlerDeprecated', 'callback'],
] as const)('a process that cannot start fails the invocation with its reason: %s', async ([code, type, message]) => {
  using assembly = new WrittenAssembly({ functions: { Broken: { code, properties: { Timeout: 60 } } } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const { payload, functionError } = await rehearsal.invoke('Broken', {});

  expect(functionError).toBe('Unhandled');
  expect(errorIn(payload).errorType).toBe(type);
  expect(errorIn(payload).errorMessage).toContain(message);
});

test('a handler that needs more memory than its function has loses its process', async () => {
  const code = `export const handler = async () => { const all = []; for (;;) all.push(new Array(10_000).fill(0)); };`;
  using assembly = new WrittenAssembly({
    functions: { Hungry: { code, properties: { MemorySize: 128, Timeout: 60 } } },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const { payload } = await rehearsal.invoke('Hungry', null);

  expect(errorIn(payload).errorMessage).toContain('Runtime exited with error: signal: SIGABRT');
});

test('an answer of more than six megabytes is refused', async () => {
  using assembly = new WrittenAssembly({
    functions: { Big: `export const handler = async (size) => 'x'.repeat(size);` },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const fits = await rehearsal.invoke('Big', 6 * 1024 * 1024 - 2);
  const over = await rehearsal.invoke('Big', 6 * 1024 * 1024 - 1);

  expect([fits.functionError, over.functionError]).toEqual([undefined, 'Unhandled']);
  expect(over.payload).toContain('exceeded maximum allowed payload size');
});

test('a payload that is no JSON is refused before the function, and null is a payload', async () => {
  using assembly = new WrittenAssembly({ functions: { Echo: 'export const handler = async (event) => [event];' } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const url = `${rehearsal.endpoints.lambda}/2015-03-31/functions/Test-Echo/invocations`;
  const invoke = (body: string, kind: string) =>
    fetch(url, { method: 'POST', body, headers: { 'x-amz-invocation-type': kind } });

  const answers = [await invoke('{"n":', 'RequestResponse'), await invoke('{"n":', 'Event')];
  const ofNull = await invoke('null', 'RequestResponse');

  expect(answers.map(({ status }) => status)).toEqual([400, 400]);
  expect(answers[0]?.headers.get('x-amzn-errortype')).toBe('InvalidRequestContentException');
  expect([ofNull.status, await ofNull.json()]).toEqual([200, [null]]);
  expect(rehearsal.counts().functions['Test-Echo']?.invocations).toBe(1);
});

test('what a function prints is kept with the invocation that printed it', async () => {
  const code = `console.log('starting'); export const handler = async (n) => { console.log('out', n); console.error('err', n); };`;
  using assembly = new WrittenAssembly({ functions: { Talks: code } });
  const heard: string[] = [];
  await using rehearsal = await rehearse({ assembly: assembly.directory, log: ({ text }) => void heard.push(text) });

  const one = await rehearsal.invoke('Talks', 1);
  const two = await rehearsal.invoke('Talks', 2);
  const lines = rehearsal.logsOf('Talks');
  const of = (id: string | undefined) => lines.filter(({ requestId }) => requestId === id).map(({ text }) => text);

  expect(of(undefined)).toEqual(['starting']);
  expect(
    of(one.requestId)
      .filter((text) => /^(out|err)/.test(text))
      .toSorted(),
  ).toEqual(['err 1', 'out 1']);
  expect(
    of(two.requestId)
      .filter((text) => /^(out|err)/.test(text))
      .toSorted(),
  ).toEqual(['err 2', 'out 2']);
  expect(heard).toEqual(lines.map(({ text }) => text));
});

test('a handler that ends within a line runs once, and the line is kept', async () => {
  const code = `let runs = 0;
  export const handler = async () => { runs++; process.stdout.write('out ' + runs); process.stderr.write('err'); return runs; };`;
  using assembly = new WrittenAssembly({ functions: { Half: { code, properties: { Timeout: 5 } } } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const answers = [await rehearsal.invoke('Half', {}), await rehearsal.invoke('Half', {})];

  expect(answers.map(({ payload }) => payload)).toEqual(['1', '2']);
  const printed = rehearsal.logsOf('Half').filter(({ text }) => /^(out|err)/.test(text));
  expect(printed.map(({ text }) => text).toSorted()).toEqual(['err', 'err', 'out 1', 'out 2']);
  expect(printed.find(({ text }) => text === 'out 2')?.requestId).toBe(answers[1]?.requestId);
});

test('a handler that silences its output ends as soon as it has answered', async () => {
  const code = `let runs = 0;
  export const handler = async () => { process.stdout.write = () => true; console.log('unheard'); return ++runs; };`;
  using assembly = new WrittenAssembly({ functions: { Mute: { code, properties: { Timeout: 5 } } } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const { payload, functionError } = await rehearsal.invoke('Mute', {});

  expect([payload, functionError]).toEqual(['1', undefined]);
  expect(rehearsal.logsOf('Mute').map(({ text }) => text)).not.toContain('unheard');
});

test('an invocation is handed out once, however often its process asks', async () => {
  const code = `export const handler = async () => {
    const next = 'http://' + process.env.AWS_LAMBDA_RUNTIME_API + '/2018-06-01/runtime/invocation/next';
    return fetch(next, { signal: AbortSignal.timeout(300) }).then(() => 'again', () => 'once');
  };`;
  using assembly = new WrittenAssembly({ functions: { Asks: { code, properties: { Timeout: 5 } } } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  expect((await rehearsal.invoke('Asks', {})).payload).toBe('"once"');
});

test('what waits for a process when the rehearsal ends is refused, however much it is', async () => {
  const code = `export const handler = async () => { console.log('begun'); await new Promise((r) => setTimeout(r, 60_000)); };`;
  using assembly = new WrittenAssembly({
    functions: { One: { code, properties: { Timeout: 90, ReservedConcurrentExecutions: 1 } } },
  });
  const rehearsal = await rehearse({ assembly: assembly.directory });
  const all = Array.from({ length: 4 }, () => rehearsal.invoke('One', {}));
  await until(() => rehearsal.logsOf('One').some(({ text }) => text === 'begun'));

  await rehearsal[Symbol.asyncDispose]();

  expect((await Promise.all(all)).map(({ functionError }) => functionError)).toEqual(Array(4).fill('Unhandled'));
});

test('killing processes fails what they are doing, and nothing else', async () => {
  const code = `export const handler = async (ms) => { console.log('begun'); await new Promise((r) => setTimeout(r, ms)); return 'done'; };`;
  const long = { code, properties: { Timeout: 60 } };
  using assembly = new WrittenAssembly({ functions: { Mine: long, Other: long } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const both = [rehearsal.invoke('Mine', 50_000), rehearsal.invoke('Other', 300)];
  while (!rehearsal.logsOf('Mine').some(({ text }) => text === 'begun')) await wait(5);

  const killed = await rehearsal.killAll(/Mine/);
  const [mine, other] = await Promise.all(both);

  expect(killed).toBe(1);
  expect(errorIn(mine?.payload ?? '').errorType).toBe('Runtime.ExitError');
  expect(other?.payload).toBe('"done"');
});

test('a name that fits no function, or several, is refused', async () => {
  const code = 'export const handler = async () => 1;';
  using assembly = new WrittenAssembly({ functions: { One: code, Two: code } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  await expect(rehearsal.invoke('Three', {})).rejects.toThrow(/^"Three" fits no function: .*Test\/One, Test\/Two$/);
  await expect(rehearsal.invoke('Test', {})).rejects.toThrow(/^"Test" fits several functions/);
});
