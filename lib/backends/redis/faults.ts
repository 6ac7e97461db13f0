/** @module What keeps a call from being answered, in our words: whether waiting helps, and what to do. Never shows what was sent. */
import { BackendUnavailableError, GuildwireError, InvalidArgumentError } from '../../core/errors.ts';

/** Answers of a server that will be able again by itself. */
const PASSING = /^(LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|READONLY|BUSY|UNBLOCKED)\b/;
const READ_ONLY = /^READONLY\b/;
const OUT_OF_MEMORY = /^OOM\b/;
const FOREIGN = /^FOREIGN (\S+)/;

/** Answers that stay the same until somebody changes the server, the URL or the options. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/^WRONGPASS|invalid password/i, 'refuses the user or the password: see whether the URL has those of the server'],
  [/^NOAUTH/, 'wants a password: write redis://user:password@host, or redis://:password@host for the default user'],
  [/^DENIED/, 'takes no connections from other hosts (protected mode): give it a password, or bind it to this network'],
  [/DB index is out of range|SELECT is not allowed/, 'has no such database: leave the number out of the URL'],
  [
    /^WRONGTYPE/,
    'holds something else where this namespace has its keys: another program writes there, so use another prefix, namespace or database',
  ],
  [/unknown command.*(FCALL|FUNCTION)/i, 'knows no functions: version 7 or later is needed'],
];

/** What TLS found wrong, by the code of its error. */
const CERTIFICATE = /^(CERT_|ERR_TLS_CERT|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/;
const NO_TLS = /^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO)$/;

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/, with args beginning with:.*/s, '') : '';
const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? `${error.code}` : '');
const isReply = (error: unknown) => error instanceof Error && error.name === 'ReplyError';

export const isMissingFunction = (error: unknown): boolean =>
  isReply(error) && /Function not found/.test(messageOf(error));
export const isPassing = (error: unknown): boolean => isReply(error) && PASSING.test(messageOf(error));
/** Lost on the way: whether it took effect is unknown. */
export const isCutOff = (error: unknown): boolean => !isReply(error) && !(error instanceof GuildwireError);

export const unusable = (problem: string): InvalidArgumentError =>
  new InvalidArgumentError([{ field: 'backend', problem: `the redis server ${problem}` }]);

export const closed = (): BackendUnavailableError =>
  new BackendUnavailableError('backend "redis" is closed: open it anew');

/** Why no waiting helps; undefined for what may pass. */
export function refusalOf(error: unknown): InvalidArgumentError | undefined {
  // A cluster tells what the last of its nodes said.
  const node = error instanceof Error && 'lastNodeError' in error ? error.lastNodeError : undefined;
  const message = messageOf(node ?? error);
  if (CERTIFICATE.test(codeOf(node ?? error)))
    return unusable(
      `has a certificate that is not trusted here (${message}): pass its CA in \`tls\`, or in NODE_EXTRA_CA_CERTS`,
    );
  if (NO_TLS.test(codeOf(node ?? error))) return unusable('does not speak TLS: open it by redis://');
  const [, key] = FOREIGN.exec(message) ?? [];
  if (key !== undefined)
    return unusable(
      `holds a key ${JSON.stringify(key)} that another program wrote: use another prefix, namespace or database`,
    );
  if (/^NOPERM|ACL failure in script/.test(message))
    return unusable(`does not let this user do that (${message}): grant it what docs/redis.md lists for an agent`);
  const [, problem] = REFUSALS.find(([pattern]) => pattern.test(message)) ?? [];
  return problem === undefined ? undefined : unusable(problem);
}

/** The functions are missing, and loading them was refused. */
export function notLoaded(error: unknown): GuildwireError {
  if (!/^NOPERM/.test(messageOf(error))) return told(error);
  return unusable('lacks the functions of this version, and this user may not load them: let an administrator do so');
}

/** Nothing came until the time was up. */
export function late(timeoutMs: number, cause: Error | undefined): BackendUnavailableError {
  const why = cause === undefined ? '' : ` (${messageOf(cause)})`;
  return new BackendUnavailableError(
    `the redis server gave no answer within ${timeoutMs} ms${why}: repeat the call, with the same idempotency key`,
    bare(cause),
  );
}

/** The error of a call that is given up. */
export function told(error: unknown): GuildwireError {
  if (error instanceof GuildwireError) return error;
  const refusal = refusalOf(error);
  if (refusal !== undefined) return refusal;
  if (OUT_OF_MEMORY.test(messageOf(error)))
    return new BackendUnavailableError(
      'the redis server is out of memory, nothing was stored: raise maxmemory, or let go of messages',
      bare(error),
    );
  if (READ_ONLY.test(messageOf(error)))
    return new BackendUnavailableError(
      'the redis server is a read-only replica, nothing was stored: open the URL of its master, or ?sentinel=NAME',
      bare(error),
    );
  return new BackendUnavailableError(
    `the redis server failed (${messageOf(error)}): repeat the call, with the same idempotency key`,
    bare(error),
  );
}

/** Without the command that was sent, which may hold a password or a payload. */
function bare(error: unknown): ErrorOptions {
  return error === undefined ? {} : { cause: new Error(messageOf(error)) };
}
