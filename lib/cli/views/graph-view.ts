/** @module Who publishes what to whom: the graph of a guild, as text and as a Mermaid flowchart. */
import { matches } from '../../core/topic.ts';
import type { Io } from '../io.ts';

export interface AgentNode {
  readonly name: string;
  readonly subscribes: readonly string[];
  readonly publishes: readonly string[];
  /** Those that it handles. */
  readonly formats: readonly string[];
  readonly waiting?: number;
  readonly dead?: number;
  readonly paused?: boolean;
}

/** Each agent with what it follows and publishes, and who gets that. */
export function toGraphText(agents: readonly AgentNode[], { paint }: Io): readonly string[] {
  return agents.flatMap((agent) => {
    const counts = [
      ...(agent.waiting === undefined ? [] : [`${agent.waiting} waiting`]),
      ...(agent.dead ? [paint('red', `${agent.dead} dead`)] : []),
      ...(agent.paused ? [paint('yellow', 'paused')] : []),
    ];
    const title = `${paint('cyan', agent.name)}${counts.length > 0 ? `  (${counts.join(', ')})` : ''}`;
    const incoming = agent.subscribes.map((pattern) => `  ← ${paint('green', pattern)}`);
    const outgoing = agent.publishes.map((pattern) => {
      const readers = agents.filter(({ subscribes }) => subscribes.some((followed) => meets(followed, pattern)));
      const names = readers.length === 0 ? paint('dim', 'nobody here') : readers.map(({ name }) => name).join(', ');
      return `  → ${paint('green', pattern)}  ${paint('dim', 'to')} ${names}`;
    });
    return [title, ...incoming, ...outgoing];
  });
}

/** For https://mermaid.js.org: agents as boxes, topics as rounded ones. */
export function toMermaid(agents: readonly AgentNode[]): readonly string[] {
  const topics = [...new Set(agents.flatMap(({ subscribes, publishes }) => [...subscribes, ...publishes]))];
  const idOf = (topic: string) => `t${topics.indexOf(topic)}`;
  const boxOf = (agent: string) => `a${agents.findIndex(({ name }) => name === agent)}`;
  return [
    'flowchart LR',
    ...agents.map(({ name }) => `  ${boxOf(name)}["${name}"]`),
    ...topics.map((topic) => `  ${idOf(topic)}(["${topic}"])`),
    ...agents.flatMap(({ name, publishes }) => publishes.map((topic) => `  ${boxOf(name)} --> ${idOf(topic)}`)),
    ...agents.flatMap(({ name, subscribes }) => subscribes.map((topic) => `  ${idOf(topic)} --> ${boxOf(name)}`)),
    ...topics.flatMap((pattern) =>
      topics
        .filter((topic) => topic !== pattern && matches(pattern, topic))
        .map((topic) => `  ${idOf(topic)} -.-> ${idOf(pattern)}`),
    ),
  ];
}

/** Whether some topic is named by both, as far as one of them is a pattern or they are the same. */
function meets(one: string, other: string): boolean {
  const [a, b] = [one.split('.'), other.split('.')];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    if (a[index] === '**' || b[index] === '**') return true;
    const [left, right] = [a[index], b[index]];
    if (left === undefined || right === undefined) return false;
    if (left !== right && left !== '*' && right !== '*') return false;
  }
  return true;
}
