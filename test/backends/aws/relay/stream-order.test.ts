import { expect, test } from 'vitest';
import type { Message } from '../../../../lib/core/message.ts';
import { follower, manifestOf, messageOn, RelayLab, recordOf, sequenceOf } from './lab.ts';

const keeper = follower('keeper', ['doc.*'], { ordering: 'key' });
const said = (n: number, more: Partial<Message> = {}) => messageOn('doc.new', { payload: n, key: 'k', ...more });
const thread = ['doc.old/01HF7YAT000000000000000004'] as never;
const output = (n: number, more: Partial<Message> = {}) => said(n, { sender: { id: 'writer' }, thread, ...more });

test('outputs of one attempt go on in the order in which it published them, in whatever order the stream brings them', async () => {
  const lab = new RelayLab(manifestOf([keeper]));
  const [one, two, three] = [output(1), output(2), output(3)];

  expect(await lab.relay.handle([three, one, two].map((message) => recordOf(message)))).toEqual([]);

  expect(lab.payloads).toEqual([1, 2, 3]);
});

test('what several publishers said goes on as it was stored, whatever their clocks say', async () => {
  const lab = new RelayLab(manifestOf([keeper]));
  const ada = { sender: { id: 'user:ada' }, thread };
  const early = { ada: said(1, ada), one: output(2), other: output(3, { sender: { id: 'editor' } }) };
  const late = { ada: said(4, ada), one: output(5) };

  await lab.relay.handle([late.ada, late.one, early.other, early.ada, early.one].map((message) => recordOf(message)));

  expect(lab.payloads).toEqual([4, 2, 3, 1, 5]);
});

test('what has to come again is told in the order of the stream', async () => {
  const lab = new RelayLab(manifestOf([keeper]), { toSafety: async (all) => all.map(() => undefined) });
  const [one, two] = [output(1), output(2)];
  lab.answered = 0;

  const failures = await lab.relay.handle([two, one].map((message) => recordOf(message)));

  expect(failures.map(({ identifier }) => identifier)).toEqual([two, one].map(({ id }) => sequenceOf(id)));
});
