import { Redis } from 'ioredis';
import { kinds } from './guild.ts';

export const agents: readonly string[] = ['coordinator', ...kinds, 'aggregator'];

/** What is open for each agent, by where it lies. */
export type Open = Readonly<
  Record<string, { readonly open: number; readonly leased: number; readonly delayed: number }>
>;

/** All that waits, also what a consumer holds that is dead: counted in the store itself, at one moment. */
export class OpenDeliveries implements Disposable {
  readonly #redis: Redis;
  readonly #base: string;

  constructor(url: string, namespace: string) {
    this.#redis = new Redis(url, { maxRetriesPerRequest: null });
    this.#redis.on('error', () => {});
    this.#base = `guildwire:{${namespace}}:q`;
  }

  async look(): Promise<{ readonly total: number; readonly by: Open }> {
    const transaction = this.#redis.multi();
    for (const agent of agents) for (const part of 'old') transaction.zcard(`${this.#base}:${agent}:${part}`);
    const answers = (await transaction.exec()) ?? [];
    const numbers = answers.map(([error, value]) => {
      if (error !== null) throw error;
      return Number(value);
    });
    const by = Object.fromEntries(
      agents.map((agent, index) => {
        const [open = 0, leased = 0, delayed = 0] = numbers.slice(3 * index, 3 * index + 3);
        return [agent, { open, leased, delayed }];
      }),
    );
    return { total: Object.values(by).reduce((sum, { open }) => sum + open, 0), by };
  }

  [Symbol.dispose](): void {
    this.#redis.disconnect();
  }
}
