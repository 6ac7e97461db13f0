/** Words of the trade that the dictionaries lack, in their base form. */
const WORDS = `
  accessor ack adaptor adminer agentic allowlist analytics antipattern anthropic api app appender args async atomicity auth authn
  authz autocomplete autoconf autofill autofix autoincrement autoload autoscale autoscaler autoscaling backend backfill
  backlink backlog backoff backpressure backport backquote backtick backtrace backtrack bigint bitmask bitmap bitwise
  blocklist boolean bool breakpoint broadcast bugfix buildable builtin bundler bytecode bytewise cacheable callback
  callee camelcase canonicalize cardinality changelog changeset charset chatbot checkbox checklist checkpoint checksum
  chunked classpath cleanup cli clickable clickstream clientside cloudformation cloudwatch codebase codegen codepoint
  codec codemod colocate combinator commandline commit composable config configurable const constructor cooldown
  coroutine cors counterparty cron crontab cronjob cryptographic css csv customizable cutover cyber daemon dashboard
  database datacenter datagram dataset datastore datatype dateline datetime deadletter debounce debug debugger
  decentralize declarative decompile decompress dedupe deduplicate deduplication dequeue dereference deserialize
  deserialization deserializer destructure dev devtool diff dirname discoverable dockerize dotfile downcast downlevel
  download downsample downscale downstream downtime drilldown dropdown dropin durably earcon ebook ecommerce
  email embeddable emoji emulator encoder endianness endpoint enqueue enum env ergonomics errored eventing exactly
  exfiltrate executable extensibility extensible facto failback failover failsafe fallback fallthrough fanout faq
  favicon figma filename filepath filesystem fileset firewall firmware fixup flaky flamegraph flatten float flowchart
  focussed focusses focussing fluent foldable footgun foreach formatter framerate framework freelist freemium frontend frontmatter fulfil fullscreen
  func functor fuzzer fuzzing gateway getter gibibyte gigabyte gist git glob globbing globals glyph googler goroutine
  greenfield grep grok gzip hacky hackathon hardcode hash hashmap hashtable hasher healthcheck heartbeat heatmap
  hello heuristics homepage hostname hotfix hotkey hotspot html http https hyperlink hyperparameter hypervisor icon
  idempotence idempotency idempotently idiomatic immutability impl inbox indexable infix infra init inline inliner inode
  inbound inlined int interop interoperate interoperability interoperable interpolate introspect invariant invoker
  iterable iterator iteratively jitter js json jsonl kanban kebab kernel keycode keychain keyframe keypair keyspace keystore keystroke
  keyword kibibyte kubernetes lambda latencies layout leaderboard lexer lib lifecycle linter linting linux livelock
  loadable localhost localization lockfile logfile login logout lookahead lookbehind lookup lossless lossy lowercase
  macro mailbox mailto mainframe mainnet malware maintainer markdown matcher mebibyte memoization memoize memtable
  menubar metadata metaprogramming metric microbenchmark microfrontend microservice microtask middleware minification minify
  minifier misconfiguration misconfigure mixin mockup modal monad monorepo monospace multicast multicore multiline
  multipart multiplex multiplexer multitenant multitenancy mutability mutable mutator mutex namespace nack nanosecond
  natively netmask newline nodejs noop normalizer npm nullability nullable nullish numpad oauth observability offline offload offset
  onboarding oneshot onboard online opcode opensource opinionated opt ops optimizer orchestrator org outbox outage
  overcommit overfetch overridable overwrite packfile pageview paginate pagination parallelize param paren parametrize parameterize
  parsable parser partitioner passcode passkey passthrough pathname payload peerDependency performant pipeline
  pixelate placeholder plaintext playbook plugin pluggable polyfill pooler popup postcondition postfix postinstall
  postmortem precompile precompute precondition prefetch prefilter prefix prefork preload prepend preprocess
  preprocessor prerelease prerender presigned preset prettify printf programmatic programmatically proto
  protobuf prototype proxied proxying pseudocode pubsub quantile quickstart rasterize readme readonly reachability
  readout reauthenticate rebase rebalance rebalancer recompile reconnect recursion recursive redact redeliver
  redelivery redeploy redis redrive redux refactor refcount refetch regex regexp regexes reindex reify reinstall
  reload remap renderer rerender reorg reparse replay replayable repo repository repro reproducibility reproducible
  requeue rerun resampler reshard resizable resolver responder restful resync retarget retriable retry retryable
  reusability reusable rollback rollout rollup roundtrip router routable rowset rpc ruleset runbook runnable runtime
  runtimes sandbox sanitizer sass scalability scalable schemas schemaless scoreboard screencast screenshot scrollable
  scrollbar sdk searchable semaphore semver serde serializable serialization serializer serverless serverside
  serviceable setter setup sharded sharding shebang shortcode sidebar sidecar signup singleton skeletal snapshot
  snippet socket sourcemap spam spec spinlock splitter spreadsheet sql src standalone startup stateful stateless statically
  stderr stdin stdio stdout storable storefront strikethrough stringify struct stylesheet subagent subclass subclause
  subcommand subdirectory subdomain subexpression subfolder submodule subnet subprocess subquery substring subsystem
  subtask subtree subtype superclass superset superuser symlink sync syscall syslog systemd tarball tcp teardown
  telemetry templating tenant tenancy testable testbed testnet textarea thread threadpool throttler throughput
  timebox timeline timeout timeseries timestamp timezone todo tokenization tokenize tokenizer toolbar toolchain toolkit
  tooling tooltip topological touchpoint traceability traceable traceback transactional transactionally transform
  transpile transpiler treemap trie truthy tuple typecheck typechecker typedef typescript typeset typesafe typings ui uid
  unary unassign unbind unbounded uncaught uncheck uncomment uncommitted undefined undeliverable unescape unicode
  unicast uniq unix unmarshal unmarshall unmount unopinionated unpack unparseable unregister unset unsubscribe untracked
  untyped unversioned unwrap upcast upgradable upload uppercase upsert upstream uptime url usability userland username
  userspace utils uuid validator variadic vendored versioning virtualization visualizer vm walkthrough wasm webapp
  webhook webpack webserver website websocket whitespace widget wifi wiki wildcard wireframe wizard workaround
  workflow workload workspace worktree wrapper writable xml yaml yml zip zod`;

const technicalWords: ReadonlySet<string> = new Set(WORDS.toLowerCase().trim().split(/\s+/));

const PREFIX =
  /^(?:anti|auto|co|cross|de|hyper|inter|macro|mega|meta|micro|mini|mis|multi|nano|non|over|post|pre|pseudo|re|self|semi|sub|super|un|under|up)-?/;
const SUFFIX = /(?:ability|less|like|ness|wide|wise)$/;

/**
 * Whether a lower-case word is common in technical prose or formed from a known one in a way dictionaries do not list in
 * full: `pollers`, `resumable`, `redeliver`.
 */
export function isTechnicalWord(word: string, isKnown: (word: string) => boolean): boolean {
  const isBase = (form: string): boolean => technicalWords.has(form) || (form.length >= 4 && isKnown(form));
  return (
    inflected(word).some((form) => technicalWords.has(form)) ||
    derived(word).some(isBase) ||
    affixFree(word).some((form) => isKnown(form) || inflected(form).some((base) => technicalWords.has(base))) ||
    affixFree(word).flatMap(derived).some(isBase) ||
    isPrefix(word)
  );
}

function isPrefix(word: string): boolean {
  return word.replace(PREFIX, '') === '';
}

function inflected(word: string): string[] {
  const stem = word.replace(/(?:ed|ing|es|s|ly)$/, '');
  const halved = /(.)\1$/.test(stem) ? [stem.slice(0, -1)] : [];
  return [word, stem, word.replace(/s$/, ''), `${stem}e`, word.replace(/(?:ies|ied)$/, 'y'), ...halved];
}

/** Doers, plurals, and what can be done; `c` and `g` keep their `e`, so `noticable` is none. */
function derived(word: string): string[] {
  const stem = /^(\w+[^cg])able$/.exec(word)?.[1] ?? /^(\w+)ers?$/.exec(word)?.[1];
  const single = /^(\w+[^shxyz])s$/.exec(word)?.[1];
  const many = /^(\w+)ies$/.exec(word)?.[1];
  return [stem, stem && `${stem}e`, single, many && `${many}y`].flatMap((form) => form ?? []);
}

/** Only long remainders count: `untill` is not `un` and `till`. */
function affixFree(word: string): string[] {
  return [word.replace(PREFIX, ''), word.replace(SUFFIX, '')].filter((form) => form !== word && form.length >= 5);
}
