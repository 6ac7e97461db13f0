/** @module A route of the HTTP API as data: what it takes, what it answers, and what it does. */
import type * as z from 'zod/mini';
import type { Permission, Principal } from './authenticate.ts';
import type { Host } from './http-app.ts';
import type { Services } from './services.ts';

/** A header of a request; the name is in lower case. */
export type Header = (name: string) => string | null;

/** What a route knows of a request: checked, and allowed. */
export interface Call<Params = unknown, Query = unknown, Body = unknown> {
  readonly services: Services;
  readonly principal: Principal;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly header: Header;
  readonly url: string;
  readonly requestId: string;
  readonly host: Host;
}

export interface Answer {
  readonly status: number;
  readonly body: string | ReadableStream<Uint8Array>;
  /** @default application/json */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Described {
  readonly description: string;
  /** @default - none: the answer is described by its type */
  readonly schema?: z.ZodMiniType;
  /** @default application/json */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteOptions<P extends z.ZodMiniObject, Q extends z.ZodMiniType, B extends z.ZodMiniType> {
  /** The operationId of the OpenAPI document. */
  readonly id: string;
  readonly method: 'GET' | 'POST';
  /** Parameters in braces. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** What the principal must be allowed to; undefined for what everybody may know. */
  readonly needs?: Permission;
  readonly params: P;
  readonly query: Q;
  /** Headers that it looks at, for the document; it checks them itself. */
  readonly headers?: Readonly<Record<string, z.ZodMiniType>>;
  readonly body?: B;
  /** `run` checks the body itself, against the same schema. @default false */
  readonly checksBody?: boolean;
  /** A body that is left out counts as `{}`. @default false */
  readonly bodyIsOptional?: boolean;
  readonly answers: Readonly<Record<number, Described>>;
  /** Statuses of the problems that it can have, besides those of all routes. */
  readonly problems: readonly number[];
  /** Answers for as long as the client listens. @default false */
  readonly isStream?: boolean;
  readonly run: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Answer | Promise<Answer>;
}

export type Route = Omit<RouteOptions<z.ZodMiniObject, z.ZodMiniType, z.ZodMiniType>, 'run'> & {
  readonly run: (call: Call<never, never, never>) => Answer | Promise<Answer>;
};

/** Lets TypeScript infer what `run` gets from the schemas. */
export function defineRoute<
  P extends z.ZodMiniObject,
  Q extends z.ZodMiniType,
  B extends z.ZodMiniType = z.ZodMiniUndefined,
>(route: RouteOptions<P, Q, B>): Route {
  return route;
}

export const toJson = (status: number, value: unknown, headers?: Readonly<Record<string, string>>): Answer => ({
  status,
  body: JSON.stringify(value),
  ...(headers !== undefined && { headers }),
});
