/** @module A guild as its deployment knows it: all that the relay and the functions have to know of it, as JSON. */

export interface ManifestFamily {
  readonly pattern: string;
  readonly retentionDays: number;
  readonly relay: 'log' | 'direct';
  readonly shards: 1 | 4 | 16;
  /** Names of the formats that may be published there; empty for any. */
  readonly formats: readonly string[];
}

export interface ManifestAgent {
  readonly name: string;
  /** `$inbox.<agent>` and `$self.<agent>` included. */
  readonly patterns: readonly string[];
  readonly publishes: readonly string[];
  readonly onlyWhenTagged: boolean;
  readonly ordering: 'none' | 'key';
  readonly guarantee: 'at-least-once' | 'at-most-once' | 'exactly-once';
  /** How its attempts go, as the guild says it, whatever the agent's own file does. */
  readonly retry: { readonly attempts: number; readonly baseMs: number; readonly maxMs: number };
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly profile: 'fast' | 'llm';
  readonly lease: boolean;
  readonly lanes: boolean;
}

export interface GuildManifest {
  readonly guild: string;
  readonly maxHops: number;
  readonly tracing: boolean;
  /** Whether the index by thread is kept. */
  readonly threads: boolean;
  readonly allowUndeclared: boolean;
  /** Declared families, and behind them those that are inferred from what agents subscribe to and publish. */
  readonly declared: readonly ManifestFamily[];
  readonly inferred: readonly ManifestFamily[];
  /** Patterns of families that have a FIFO topic as well, since an ordered agent follows them; the built-in one is `$**`. */
  readonly ordered: readonly string[];
  readonly agents: readonly ManifestAgent[];
}
