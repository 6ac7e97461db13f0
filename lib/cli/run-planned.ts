/** @module Making a plan, asking, working it off, and saying how far it is. */
import type { DeadLetterPlan, ReplayPlan } from '../bus/recovery.ts';
import { consent } from './consent.ts';
import { ExitCode } from './failure.ts';
import type { Io } from './io.ts';
import type { SharedFlags } from './options.ts';
import type { Target } from './remote.ts';

/** How a person says what is done: `redrive 2 dead letters of pricer`, `2 dead letters of pricer redriven`. */
export interface Wording {
  readonly todo: (count: number) => string;
  readonly done: (count: number) => string;
}

export async function runPlanned(
  request: DeadLetterPlan | ReplayPlan,
  wording: Wording,
  target: Target,
  flags: SharedFlags,
  io: Io,
  perSecond: number | undefined,
): Promise<ExitCode> {
  const { bus } = target;
  const plan = await bus.plan(request);
  await consent(wording.todo(plan.total), target, flags, io);
  let toldAt = 0;
  const done = await bus.runPlan(plan.id, {
    signal: io.signal,
    ...(perSecond !== undefined && { perSecond }),
    onProgress: ({ done, total, finished }) => {
      if (finished || Date.now() - toldAt < 1_000) return;
      toldAt = Date.now();
      io.note(`${done} of ${total}`);
    },
  });
  io.line(io.isJson ? JSON.stringify(done) : wording.done(done.done - done.skipped));
  if (done.skipped > 0) io.note(`${done.skipped} skipped: another plan had them meanwhile, or they are no longer kept`);
  if (done.finished) return ExitCode.DONE;
  io.note(`stopped with ${done.total - done.done} to go`);
  return ExitCode.INTERRUPTED;
}
