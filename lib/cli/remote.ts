/** @module What a command works on, whether it is a server or a backend itself. */
import type { ServerDescription } from '../backends/redis/server-description.ts';
import type { Bus } from '../bus/bus.ts';
import type { TailQuery } from '../bus/history-query.ts';
import type { Message } from '../core/message.ts';
import type { AgentNode } from './views/graph-view.ts';

/** What both a bus and the client of a server can do. */
export interface Remote
  extends Pick<Bus, 'publishMany' | 'read' | 'get' | 'topics' | 'explain' | 'plan' | 'runPlan' | 'pause' | 'resume'> {
  tail(
    query: TailQuery,
    options?: { readonly signal?: AbortSignal; readonly onConnection?: (state: 'lost' | 'back') => void },
  ): AsyncGenerator<Message, void, undefined>;
}

export interface Target extends AsyncDisposable {
  /** As a person is told. */
  readonly where: string;
  /** Whether it is on this machine; changes elsewhere ask first. */
  readonly isLocal: boolean;
  readonly namespace: string;
  readonly bus: Remote;
  agents(): Promise<readonly AgentNode[]>;
  /** What the store itself tells of its server, where it has one. */
  readonly describeServer?: () => Promise<ServerDescription>;
}
