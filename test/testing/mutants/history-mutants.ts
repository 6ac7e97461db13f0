import { type Message, toReference } from 'guildwire';
import { type Mutant, mutant, reading } from './mutant.ts';

/** D16, H1-H7: what is read, and in which order. */
export const historyMutants: readonly Mutant[] = [
  mutant('H1', 'any cursor is taken', (inner) => ({
    read: (query) => {
      const { after: _, ...fromStart } = query;
      return inner.read(query).catch(() => inner.read(fromStart));
    },
  })),
  mutant('H1', 'cursors are ignored', (inner) => ({
    read: ({ after, ...query }) => inner.read(query.order === 'arrival' && after ? { ...query, after } : query),
  })),
  mutant('H1', 'topics in use come in any order', (inner) => ({
    topics: async (...asked) => {
      const page = await inner.topics(...asked);
      return { ...page, items: page.items.toReversed() };
    },
  })),
  mutant('H1', 'order is always ascending', (inner) => ({
    read: (query) => inner.read(query.order === 'id-desc' ? { ...query, order: 'id' } : query),
  })),
  mutant('H1', 'the end of a stretch is ignored', (inner) => ({
    read: ({ to: _, ...query }) => inner.read(query),
  })),
  mutant('H1', 'a page skips a message where it begins', (inner) =>
    reading(inner, (items, { after, order }) => (after === undefined || order === 'arrival' ? items : items.slice(1))),
  ),
  mutant('H1', 'pages are larger than was asked', (inner) => ({
    read: (query) => inner.read({ ...query, limit: query.limit * 2 }),
  })),
  mutant('H1', 'reading takes messages out', (inner) => {
    const read = new Set<string>();
    return reading(inner, (items) => {
      const left = items.filter((message) => !read.has(toReference(message)));
      for (const message of left) read.add(toReference(message));
      return left;
    });
  }),
  mutant('H1', 'what is read can be changed', (inner) => reading(inner, (items) => structuredClone(items))),
  mutant('H2', 'a tail skips what came at the same time', (inner) =>
    reading(inner, (items, { order }) => (order === 'arrival' ? items.slice(0, 1) : items)),
  ),
  mutant('H2', 'a tail repeats what it gave last', (inner) => {
    let last: readonly Message[] = [];
    return reading(inner, (items, { order }) => {
      if (order !== 'arrival' || items.length === 0) return items;
      const given = [...last, ...items];
      last = items.slice(-1);
      return given;
    });
  }),
  mutant('H2', 'a tail does not end by its signal', (inner) => ({
    read: ({ signal: _, ...query }) => inner.read(query),
  })),
  mutant('H2', 'a tail ignores its filter', (inner) => ({
    read: (query) => inner.read(query.order === 'arrival' ? { ...query, filter: {} } : query),
  })),
  mutant('H3', 'a thread is its root', (inner) =>
    reading(inner, (items, { where }) => ('thread' in where ? items.filter(({ id }) => id === where.thread) : items)),
  ),
  mutant('H3', 'a thread is what lies on the topic of its root', (inner) =>
    reading(inner, (items, { where }) =>
      'thread' in where ? items.filter(({ topic }) => topic === items[0]?.topic) : items,
    ),
  ),
  mutant('H3', 'a conversation ends where it began', (inner) =>
    reading(inner, (items, { where }) => ('conversation' in where ? items.slice(0, 1) : items)),
  ),
  mutant('H4', 'references are answered in the order of ids', (inner) =>
    reading(inner, (items, { where }) =>
      'references' in where ? items.toSorted((one, other) => (one.id < other.id ? -1 : 1)) : items,
    ),
  ),
  mutant('H5', 'what a message brings along is the newest first', (inner) =>
    reading(inner, (items, { where }) => ('references' in where ? items.toReversed() : items)),
  ),
  mutant('H6', 'filters are ignored', (inner) => ({ read: (query) => inner.read({ ...query, filter: {} }) })),
  mutant('H7', 'the history of an agent is its inbox', (inner) =>
    reading(inner, (items, { where }) =>
      'agent' in where ? items.filter(({ topic }) => topic.startsWith('$inbox')) : items,
    ),
  ),
  mutant('D16', 'a conversation is read over all namespaces', (inner) => {
    const namespaces = new Set<string>();
    return {
      subscribe: (subscription) => {
        namespaces.add(subscription.namespace);
        return inner.subscribe(subscription);
      },
      read: async (query) => {
        const page = await inner.read(query);
        const others = [...namespaces].filter((namespace) => namespace !== query.namespace);
        if (!('conversation' in query.where)) return page;
        const pages = await Promise.all(others.map((namespace) => inner.read({ ...query, namespace })));
        return { ...page, items: [...page.items, ...pages.flatMap(({ items }) => items)] };
      },
    };
  }),
];
