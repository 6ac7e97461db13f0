/** @module Checked by tsc alone: what formats infer from schemas of three libraries, and what they refuse. */
import { type } from 'arktype';
import { defineFormat, type Format, genericJson, type InputOf, type Json, type OutputOf } from 'guildwire';
import * as v from 'valibot';
import { expectTypeOf } from 'vitest';
import * as z from 'zod';

// What is published and what a handler gets, where the two differ.
const WithZod = defineFormat(
  'with-zod',
  z.object({ id: z.string(), line: z.int().default(1), at: z.iso.datetime().transform((text) => new Date(text)) }),
);
expectTypeOf<InputOf<typeof WithZod>>().toEqualTypeOf<{ id: string; line?: number | undefined; at: string }>();
expectTypeOf<OutputOf<typeof WithZod>>().toEqualTypeOf<{ id: string; line: number; at: Date }>();

const WithValibot = defineFormat(
  'with-valibot',
  v.object({
    kind: v.picklist(['a', 'b']),
    usd: v.pipe(v.string(), v.transform(Number)),
    note: v.optional(v.string()),
  }),
);
expectTypeOf<InputOf<typeof WithValibot>>().toEqualTypeOf<{
  kind: 'a' | 'b';
  usd: string;
  note?: string | undefined;
}>();
expectTypeOf<OutputOf<typeof WithValibot>>().toEqualTypeOf<{
  kind: 'a' | 'b';
  usd: number;
  note?: string | undefined;
}>();

const WithArktype = defineFormat('with-arktype', type({ id: 'string', count: 'number', 'done?': 'boolean' }));
expectTypeOf<InputOf<typeof WithArktype>>().toEqualTypeOf<{ id: string; count: number; done?: boolean }>();
expectTypeOf<OutputOf<typeof WithArktype>>().toEqualTypeOf<{ id: string; count: number; done?: boolean }>();

const Tree = defineFormat('tree', z.object({ items: z.array(z.object({ names: z.record(z.string(), z.null()) })) }));
expectTypeOf<InputOf<typeof Tree>>().toEqualTypeOf<{ items: { names: Record<string, null> }[] }>();

// A name is a literal, so that formats of different names are different types.
expectTypeOf(WithZod.name).toEqualTypeOf<'with-zod'>();
expectTypeOf(genericJson).toEqualTypeOf<Format<'generic_json', Json, Json>>();

// JSON of any shape is said to be JSON.
const Any = defineFormat('any-json', z.json());
expectTypeOf<InputOf<typeof Any>>().toExtend<Json>();

// An interface is JSON as well as the same shape written as a type, also one that contains itself.
interface Note {
  readonly text: string;
  readonly tags?: readonly string[];
  readonly at: { readonly line: number | null }[];
}
interface Nested {
  name: string;
  children: Nested[];
}
const nested: z.ZodType<Nested, Nested> = z.lazy(() => z.object({ name: z.string(), children: z.array(nested) }));
const WithInterface = defineFormat('with-interface', z.custom<Note>());
expectTypeOf<InputOf<typeof WithInterface>>().toEqualTypeOf<Note>();
const WithNested = defineFormat('with-nested', nested);
expectTypeOf<OutputOf<typeof WithNested>>().toEqualTypeOf<Nested>();

interface Dated {
  readonly notes: { readonly at: Date }[];
}
interface Open {
  readonly given: unknown;
}
interface Acting {
  readonly text: string;
  act(): void;
}
// @ts-expect-error a Date in an interface, however deep
export const WithDated = defineFormat('with-dated', z.custom<Dated>());
// @ts-expect-error what may be anything, in an interface
export const WithOpen = defineFormat('with-open', z.custom<Open>());
// @ts-expect-error a method is no JSON
export const WithActing = defineFormat('with-acting', z.custom<Acting>());
// @ts-expect-error any object, which may be no JSON
export const WithObject = defineFormat('with-object', z.custom<{ readonly given: object }>());

// Every format is a format, whatever it takes and gives.
export const all: readonly Format[] = [WithZod, WithValibot, WithArktype, Tree, Any, genericJson];

// @ts-expect-error a Date is stored as text: what is published and what is handled would differ
export const WithDate = defineFormat('with-date', z.object({ at: z.date() }));
// @ts-expect-error a Date, however deep
export const WithDeepDate = defineFormat('with-deep-date', v.object({ items: v.array(v.object({ at: v.date() })) }));
// @ts-expect-error the same with arktype
export const WithArkDate = defineFormat('with-ark-date', type({ at: 'Date' }));
// @ts-expect-error a bigint is no JSON
export const WithBigint = defineFormat('with-bigint', z.object({ n: z.bigint() }));
// @ts-expect-error a Map is no JSON
export const WithMap = defineFormat('with-map', z.object({ m: z.map(z.string(), z.number()) }));
// @ts-expect-error a symbol is no JSON
export const WithSymbol = defineFormat('with-symbol', z.symbol());
// @ts-expect-error a function is no JSON
export const WithFunction = defineFormat('with-function', z.custom<{ run: () => void }>());
// @ts-expect-error unknown may be anything: write z.json()
export const Unknown = defineFormat('unknown', z.unknown());
// @ts-expect-error any may be anything as well
export const AnyAtAll = defineFormat('any', z.any());
// @ts-expect-error unknown, inside of an object
export const WithUnknown = defineFormat('with-unknown', z.object({ what: z.unknown() }));
// @ts-expect-error a format needs a schema
export const WithoutSchema = defineFormat('without-schema');
// @ts-expect-error and nothing that only looks like one
export const NoSchema = defineFormat('no-schema', { id: 'string' });

// A payload that one format takes is not one that another takes.
export function payloads(): void {
  WithZod.encode({ id: 'x', at: '2026-01-01T00:00:00Z' });
  // @ts-expect-error `id` is missing
  WithZod.encode({ at: '2026-01-01T00:00:00Z' });
  // @ts-expect-error what a handler gets is not what is published
  WithZod.encode({ id: 'x', at: new Date(0) });
  // @ts-expect-error "c" is not among the choices
  WithValibot.encode({ kind: 'c', usd: '1' });
  expectTypeOf(WithValibot.decode(null)).toEqualTypeOf<OutputOf<typeof WithValibot>>();
}
