/** @module The HTTP API of a deployment, asked by whom an event names. */
import { familiesOf } from '../../backends/aws/aws-settings.ts';
import type { Backend } from '../../backends/backend.ts';
import type { Log } from '../../bus/log.ts';
import type { Clock } from '../../core/clock.ts';
import type { GuildManifest } from '../../environment/guild-manifest.ts';
import type { Principal } from '../../http/authenticate.ts';
import { createHttpApp } from '../../http/create-http-app.ts';
import type { HttpApp } from '../../http/http-app.ts';
import { MalformedRequestError } from '../../http/http-errors.ts';
import { PROBLEM_TYPE, toProblem } from '../../http/problems.ts';
import { callerOf } from './caller.ts';
import type { HttpAnswer, HttpEvent } from './events.ts';
import { toAnswer, toRequest } from './http-answer.ts';
import { type LambdaLog, lambdaLog } from './lambda-log.ts';
import { once } from './once.ts';
import { openDeployed } from './open-deployed.ts';
import { declaredFamilies, interestsOf, servedNamespaces, takesDeclaredFormats } from './served.ts';

export interface HttpHandlerOptions {
  /** @default - that of the deployment, by the function's environment */
  readonly open?: () => Backend | Promise<Backend>;
  /** Where callers may act, at most. @default - those of the function's environment */
  readonly namespaces?: '*' | readonly string[];
  /** @default - JSON lines, with the id of the request */
  readonly log?: Log;
  /** @default - the system's */
  readonly clock?: Clock;
}

/** Below the 30 s after which API Gateway answers by itself. */
const TIMEOUT_MS = 28_000;

export interface Edge {
  readonly namespaces: '*' | readonly string[];
  readonly log: LambdaLog;
  /** What the app answers to a request of the API. */
  answer(event: HttpEvent): Promise<HttpAnswer>;
  fetch(request: Request, caller: Principal | undefined): Promise<Response>;
}

/** @throws InvalidArgumentError if the environment names no namespaces. */
export function createEdge(manifest: GuildManifest, options: HttpHandlerOptions): Edge {
  const { namespaces = servedNamespaces(), open = () => openDeployed(manifest), clock } = options;
  const log = lambdaLog(options.log);
  const callers = new WeakMap<Request, Principal>();
  const families = declaredFamilies(manifest);
  const app = once(
    async (): Promise<HttpApp> =>
      createHttpApp({
        backend: withoutTailing(await open()),
        families: familiesOf(manifest),
        interests: interestsOf(manifest),
        use: [takesDeclaredFormats(families)],
        authenticate: (request) => callers.get(request),
        rateLimit: false,
        timeoutMs: TIMEOUT_MS,
        namespaces: namespaces === '*' ? [] : namespaces,
        log,
        ...(clock !== undefined && { clock }),
      }),
  );
  const fetch = async (request: Request, caller: Principal | undefined) => {
    if (caller !== undefined) callers.set(request, caller);
    return (await app()).fetch(request);
  };
  return {
    namespaces,
    log,
    fetch,
    async answer(event) {
      let request: Request;
      try {
        request = toRequest(event);
      } catch {
        return malformed();
      }
      return toAnswer(await fetch(request, callerOf(event, namespaces)));
    },
  };
}

function withoutTailing(backend: Backend): Backend {
  const features = { ...backend.features, tailing: false };
  return new Proxy(backend, {
    get(target, property) {
      if (property === 'features') return features;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function malformed(): HttpAnswer {
  const problem = toProblem(new MalformedRequestError());
  return {
    statusCode: problem.status,
    headers: { 'content-type': PROBLEM_TYPE },
    body: JSON.stringify(problem),
    isBase64Encoded: false,
  };
}
