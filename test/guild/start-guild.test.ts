import {
  type Agent,
  type Backend,
  BackendUnavailableError,
  defineAgent,
  defineGuild,
  genericJson,
  InvalidArgumentError,
  MemoryBackend,
  type StartOptions,
  type Subscription,
  silentLog,
  startGuild,
  UnsupportedFeatureError,
} from 'guildwire';
import { VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';
import { turns } from './lab.ts';

const seen: unknown[] = [];

function agent<const Name extends string>(name: Name, options: Partial<Agent> = {}): Agent<Name> {
  return { ...collector(name, seen), ...options, name } as Agent<Name>;
}

/** An agent that keeps what it is given. */
function collector<const Name extends string>(name: Name, payloads: unknown[]): Agent<Name> {
  return defineAgent({
    name,
    entry: import.meta.url,
    subscribes: ['a'],
    handlers: (on) => [on.any((payload) => void payloads.push([name, payload]))],
  });
}

const guild = defineGuild({ name: 'pair', agents: [agent('one'), agent('two')] });

/** A backend that says whether it was closed. */
function watched(): { readonly backend: MemoryBackend; readonly isClosed: () => Promise<boolean> } {
  const backend = new MemoryBackend({ clock: new VirtualClock() });
  const isClosed = async () => {
    const error = await backend.stats('default').catch((thrown: unknown) => thrown);
    return error instanceof BackendUnavailableError;
  };
  return { backend, isClosed };
}

async function refusal(options: Partial<StartOptions>): Promise<InvalidArgumentError> {
  const started = startGuild(guild, { backend: 'memory:', log: silentLog, ...options } as never);
  const error = await started.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InvalidArgumentError);
  return error as InvalidArgumentError;
}

describe('a guild is not started', () => {
  test.each([['my guild'], ['a.b'], ['a/b'], [''], ['n'.repeat(65)], [7]])(
    'in a namespace that is none: %j',
    async (namespace) => {
      const { faults } = await refusal({ namespace: namespace as string });

      expect(faults).toEqual([
        {
          field: 'namespace',
          problem: expect.stringMatching(/^got .+: allowed are 1 to 64 of A-Z, a-z, 0-9, _ and -$/),
        },
      ]);
    },
  );

  test('with agents that it does not have, and says which it has', async () => {
    const { faults } = await refusal({ agents: ['one', 'three', 'constructor'] });

    expect(faults).toEqual([
      { field: 'agents', problem: 'got "three", "constructor": agents of guild "pair" are one, two' },
    ]);
  });

  test.each(['mysql://host/db', 'memory', 'memory:a b', 'memory:a/b', ''])(
    'on a backend that is not known: %j',
    async (backend) => {
      const { faults } = await refusal({ backend });

      expect(faults).toEqual([{ field: 'backend', problem: expect.stringContaining('known are memory:') }]);
    },
  );

  test('on a backend whose URL holds a password, which never shows', async () => {
    const urls = ['mysql://ada:s3cret@host/db', 'amqp://:s3cret@host', 'mysqls://ada:p@s3cret@host:6379/0'];

    for (const backend of urls) {
      const error = await refusal({ backend });

      expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain('s3cret');
      expect(error.message).toContain('host');
    }
  });

  test('on a backend that cannot do what an agent asks for, which is closed again', async () => {
    const { backend, isClosed } = watched();
    const limited = new Proxy<Backend>(backend, {
      get(target, property) {
        if (property === 'subscribe') return refuseOrdering;
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const refuseOrdering = async (subscription: Subscription) => {
      if (subscription.ordering === 'key') throw new UnsupportedFeatureError('limited', 'ordering by key');
    };
    const demanding = defineGuild({ name: 'pair', agents: [agent('modest'), agent('strict', { ordering: 'key' })] });

    const started = startGuild(demanding, { backend: () => limited, log: silentLog });

    await expect(started).rejects.toThrow('backend "limited" does not support ordering by key');
    await expect(started).rejects.toBeInstanceOf(UnsupportedFeatureError);
    expect(await isClosed()).toBe(true);
  });

  test('by a sender that is none, and its backend is closed again', async () => {
    const { backend, isClosed } = watched();

    const { faults } = await refusal({ sender: '', backend: () => backend });

    expect(faults.map(({ field }) => field)).toEqual(['sender']);
    expect(await isClosed()).toBe(true);
  });

  test('when its backend cannot be opened', async () => {
    const failing = async () => {
      throw new BackendUnavailableError('no route to host');
    };

    await expect(startGuild(guild, { backend: failing, log: silentLog })).rejects.toThrow('no route to host');
  });
});

describe('a guild that is started', () => {
  test('runs all its agents, in the namespace default', async () => {
    const payloads: unknown[] = [];
    const both = defineGuild({ name: 'both', agents: [collector('one', payloads), collector('two', payloads)] });

    await using running = await startGuild(both, { backend: 'memory:', log: silentLog });
    await running.publish('a', genericJson, 1);
    await turns();

    expect(running.namespace).toBe('default');
    expect(payloads.toSorted()).toEqual([
      ['one', 1],
      ['two', 1],
    ]);
  });

  test('runs the named agents only, and subscribes no others', async () => {
    const payloads: unknown[] = [];
    const both = defineGuild({ name: 'both', agents: [collector('one', payloads), collector('two', payloads)] });

    await using running = await startGuild(both, { backend: 'memory:', agents: ['two'], log: silentLog });
    await running.publish('a', genericJson, 1);
    await turns();

    expect(payloads).toEqual([['two', 1]]);
    expect((await running.stats()).map((stats) => stats.agent)).toEqual(['two']);
  });

  test('shares a named backend with the other guilds of its process, in whatever order they close', async () => {
    const payloads: unknown[] = [];
    const here = defineGuild({ name: 'here', agents: [collector('here', payloads)] });
    const there = defineGuild({ name: 'there', agents: [collector('there', payloads)] });
    const options = { backend: 'memory:start-guild-test', log: silentLog };

    const first = await startGuild(here, options);
    await using second = await startGuild(there, options);
    await first.publish('a', genericJson, 1);
    await turns();
    await first[Symbol.asyncDispose]();
    await second.publish('a', genericJson, 2);
    await turns();

    expect(payloads.toSorted()).toEqual([
      ['here', 1],
      ['there', 1],
      ['there', 2],
    ]);
  });

  test('takes a backend of its user, opened now or later, and closes it when it is disposed of', async () => {
    for (const open of [(backend: MemoryBackend) => backend, async (backend: MemoryBackend) => backend]) {
      const { backend, isClosed } = watched();
      const running = await startGuild(guild, { backend: () => open(backend), log: silentLog });

      expect(await isClosed()).toBe(false);
      await running[Symbol.asyncDispose]();

      expect(await isClosed()).toBe(true);
      await expect(running.publish('a', genericJson, 1)).rejects.toBeInstanceOf(BackendUnavailableError);
      await running[Symbol.asyncDispose]();
    }
  });

  test('publishes as user:local, or as whom it is told', async () => {
    await using running = await startGuild(guild, { backend: 'memory:', log: silentLog });
    await using named = await startGuild(guild, { backend: 'memory:', sender: 'user:ada', log: silentLog });
    await running.publish('a', genericJson, 1);
    await named.publish('a', genericJson, 1);

    const senders = [running, named].map(async (bus) => (await bus.read({ topic: 'a' })).items[0]?.sender);

    expect(await Promise.all(senders)).toEqual([{ id: 'user:local' }, { id: 'user:ada' }]);
  });
});
