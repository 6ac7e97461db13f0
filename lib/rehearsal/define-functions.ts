/** @module The functions of the template, unpacked and ready to be invoked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FunctionFinder } from './find-functions.ts';
import { defineFunction } from './functions/function-definition.ts';
import { FunctionLogs } from './functions/function-logs.ts';
import { type FunctionHost, LocalFunction } from './functions/local-function.ts';
import { Reaper } from './reaper.ts';
import type { RehearsalServers } from './rehearsal-servers.ts';
import type { RehearseOptions } from './rehearse-options.ts';
import type { Resource } from './resources/stack-scope.ts';

export interface DefinedFunctions {
  readonly finder: FunctionFinder;
  readonly logs: FunctionLogs;
  /** Kills all processes, and lets none be started any more. */
  stop(): Promise<void>;
}

/**
 * No process is started yet.
 *
 * @param started Takes what has to be stopped.
 */
export function defineFunctions(
  resources: readonly Resource[],
  directory: string,
  { emulators: { region, credentials }, endpoints, keys, runtimeApi, lambda }: RehearsalServers,
  options: RehearseOptions,
  started: AsyncDisposableStack,
): DefinedFunctions {
  const folder = mkdtempSync(join(tmpdir(), 'guildwire-rehearsal-'));
  started.defer(() => rmSync(folder, { recursive: true, force: true }));
  const reaper = started.use(new Reaper());
  reaper.watchFolder(folder);
  const logs = new FunctionLogs(options.log);
  const stopped = new AbortController();
  const host: Omit<FunctionHost, 'credentials'> = {
    runtimeApi,
    reaper,
    logs,
    cloud: { region, endpoints: { ...endpoints, lambda: lambda.url }, otherwise: lambda.url },
    stopped: stopped.signal,
    maxEnvironments: options.maxEnvironments ?? 10,
    onInvocation: options.onInvocation,
  };
  const functions = resources.filter(({ type }) => type === 'AWS::Lambda::Function');
  const all = functions.map((resource, index) => {
    const definition = defineFunction(resource, directory, folder);
    const accessKeyId = `AKIAFUNCTION${`${index}`.padStart(8, '0')}`;
    keys.set(accessKeyId, definition.name);
    const environment = { ...definition.environment, ...options.variables };
    const own = { accessKeyId, secretAccessKey: credentials.secretAccessKey };
    return new LocalFunction({ ...definition, environment }, { ...host, credentials: own });
  });
  return {
    finder: new FunctionFinder(all),
    logs,
    async stop() {
      stopped.abort();
      await reaper[Symbol.asyncDispose]();
    },
  };
}
