/** @module Whether the options of an agent have the shape that they must have, before anything looks into them. */
import { middlewareFaults } from '../bus/middleware/middleware.ts';
import type { FieldFault } from '../core/errors.ts';
import { isFormat } from '../core/format.ts';
import { show } from '../core/show.ts';
import { hookFaults } from './hooks.ts';

const KNOWN = [
  'name',
  'entry',
  'subscribes',
  'publishes',
  'state',
  'handlers',
  'guarantee',
  'ordering',
  'concurrency',
  'onlyWhenTagged',
  'from',
  'retry',
  'timeoutMs',
  'profile',
  'use',
  'hooks',
] as const;

type Unchecked = Partial<Record<(typeof KNOWN)[number], unknown>>;

const isList = (value: unknown) => Array.isArray(value);

/** What is wrong with the shape of the options; empty if they can be read. */
export function agentShapeFaults(options: unknown): FieldFault[] {
  if (typeof options !== 'object' || options === null) {
    return [{ field: 'options', problem: `got ${show(options)}: allowed is an object` }];
  }
  const { subscribes, publishes, handlers, state, retry, onlyWhenTagged, use, hooks } = options as Unchecked;
  const faults: FieldFault[] = [];
  const check = (field: string, value: unknown, holds: boolean, allowed: string) => {
    if (!holds) faults.push({ field, problem: `got ${show(value)}: ${allowed}` });
  };
  for (const name of Object.keys(options)) {
    check(name, name, (KNOWN as readonly string[]).includes(name), `unknown; allowed are ${KNOWN.join(', ')}`);
  }
  check('subscribes', subscribes, isList(subscribes), 'allowed is an array of topics and patterns');
  check(
    'publishes',
    publishes,
    publishes === undefined || isList(publishes),
    'allowed is an array of topics and patterns',
  );
  check('handlers', handlers, typeof handlers === 'function', 'write a function, as in (on) => [on(Format, run)]');
  check(
    'onlyWhenTagged',
    onlyWhenTagged,
    onlyWhenTagged === undefined || typeof onlyWhenTagged === 'boolean',
    'allowed are true and false',
  );
  check('state', state, state === undefined || isFormat(state), 'allowed is what defineFormat gave');
  const isRetry = retry === undefined || (typeof retry === 'object' && retry !== null);
  check('retry', retry, isRetry, 'allowed is an object of attempts, baseMs and maxMs');
  return [...faults, ...surroundingFaults(use, hooks)];
}

/** What is wrong with what stands around the handlers. */
export function surroundingFaults(use: unknown, hooks: unknown): FieldFault[] {
  return [...(use === undefined ? [] : middlewareFaults(use, 'handle')), ...hookFaults(hooks)];
}

/** What is wrong with what the function gave that makes the handlers. */
export function handlerShapeFaults(handlers: unknown): FieldFault[] {
  if (!Array.isArray(handlers)) {
    return [{ field: 'handlers', problem: `gave ${show(handlers)}: return an array, as in (on) => [on(Format, run)]` }];
  }
  return handlers.flatMap((handler: unknown, index) => {
    const { format, run } = (handler ?? {}) as { readonly format?: unknown; readonly run?: unknown };
    const field = `handlers[${index}]`;
    if (typeof run !== 'function') return [{ field, problem: `got ${show(run)} to run: allowed is a function` }];
    if (format === undefined || isFormat(format)) return [];
    return [{ field, problem: `got ${show(format)} as its format: pass what defineFormat gave` }];
  });
}
