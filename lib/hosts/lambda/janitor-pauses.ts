/** @module What the janitor does about pauses: event sources that do not follow the switches of their agent are made to. */
import type { Pausing } from '../../backends/aws/ledger/pausing.ts';
import type { Log } from '../../bus/log.ts';
import type { Clock } from '../../core/clock.ts';
import { faultOf } from '../../core/fault.ts';

export interface UnfinishedOptions {
  readonly pausing: Pick<Pausing, 'due' | 'finish' | 'turnedOff' | 'recheck'>;
  /** Of any namespace nobody knows whether an agent is paused in all: then all are to be on. */
  readonly namespaces: '*' | readonly string[];
  /** UUIDs of event source mappings, of the agents to look after. */
  readonly sources: Readonly<Record<string, readonly string[]>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Unix ms after which nothing more is begun. */
  readonly until: number;
  readonly onFailure: (error: unknown) => void;
}

/** For one agent: the mapping may be busy with an earlier change. */
const FINISH_MS = 30_000;

/** What it cannot do, the next tick does. Never rejects. */
export async function finishPauses(options: UnfinishedOptions): Promise<void> {
  const { pausing, namespaces } = options;
  const finish = async (namespace: string) => {
    for (const due of await pausing.due(namespace)) {
      const done = await inTime(options, due.agent, async (mappings, deadlineAt) => {
        await pausing.finish(due, mappings, deadlineAt);
        return true;
      });
      if (done) options.log.info('finished a pause that was left', { namespace, agent: due.agent });
    }
  };
  for (const namespace of namespaces === '*' ? [] : namespaces)
    await tried(options, { namespace }, () => finish(namespace));
  await tried(options, {}, async () => {
    for (const agent of await pausing.turnedOff()) {
      const done = await inTime(options, agent, (mappings, deadlineAt) => pausing.recheck(agent, mappings, deadlineAt));
      if (done)
        options.log.info('turned on the event sources of an agent that is not paused in all namespaces', { agent });
    }
  });
}

/** Whether something was done. */
async function inTime(
  { sources, clock, until }: UnfinishedOptions,
  agent: string,
  work: (mappings: readonly string[], deadlineAt: number) => Promise<boolean>,
): Promise<boolean> {
  const mappings = sources[agent];
  if (mappings === undefined || clock.now() >= until) return false;
  return work(mappings, Math.min(until, clock.now() + FINISH_MS));
}

async function tried({ log, onFailure }: UnfinishedOptions, about: object, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const what = 'could not make event sources follow the switches of their agents: the next tick tries again';
    log.error(what, { ...about, error: faultOf(error) });
    onFailure(error);
  }
}
