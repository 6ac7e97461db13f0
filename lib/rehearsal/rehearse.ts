/** @module Runs what `cdk synth` wrote, unchanged, on this machine: no account, no Docker. */
import { ControlPlane } from './control-plane.ts';
import { defineApi } from './define-api.ts';
import { defineFunctions } from './define-functions.ts';
import { defineSources, refuseShortVisibility } from './define-sources.ts';
import { EmulatorClient } from './emulator-client.ts';
import { learnPolicies } from './permissions/learn-policies.ts';
import { Rehearsal } from './rehearsal.ts';
import { startServers } from './rehearsal-servers.ts';
import type { RehearseOptions } from './rehearse-options.ts';
import { createResources } from './resources/create-resources.ts';
import { StackScope } from './resources/stack-scope.ts';
import { defineSchedule, Schedules } from './sources/schedules.ts';
import { readAssembly } from './template/read-assembly.ts';
import { withTimings } from './template/timings.ts';

/**
 * Makes the stack's resources on emulators, drives its event sources and schedules, and serves its API.
 *
 * Functions may do what the policies of the template allow to their roles, as far as it can be told from the template; keys of
 * KMS, throttling and alarms are not emulated. Functions run as processes that are not frozen between invocations.
 *
 * @throws AssemblyError where there is no such stack.
 * @throws UnsupportedTemplateError that names every resource or function which a rehearsal does not know.
 * @throws EmulatorMissingError where an emulator is not installed or does not start.
 */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  await using started = new AsyncDisposableStack();
  const servers = await startServers(options, started);
  const { emulators, endpoints, api, lambda, calls, permissions } = servers;
  const { stack, directory } = readAssembly(options.assembly, options.stack, emulators);
  const place = { ...emulators, sqsEndpoint: endpoints.sqs, apiUrl: api.url };
  const scope = new StackScope(withTimings(stack, options.timings ?? {}), place);
  const resources = scope.resources();
  refuseShortVisibility(new StackScope(stack, place).resources());
  learnPolicies(permissions, scope, emulators);
  const functions = defineFunctions(resources, directory, servers, options, started);
  const { finder, logs } = functions;
  const functionOf = (arn: string) => finder.exactly(arn);
  const client = new EmulatorClient(emulators);
  const sources = defineSources(resources, functionOf, client);
  const schedules = resources
    .filter(({ type }) => ['AWS::Events::Rule', 'AWS::Scheduler::Schedule'].includes(type))
    .map((resource) => defineSchedule(resource, functionOf));
  const httpApi = defineApi(resources, finder, emulators, options);
  await createResources(resources, client, emulators.keepsTables ? started : undefined);

  if (httpApi !== undefined) api.answer = (request, response) => httpApi.answer(request, response);
  const controlPlane = new ControlPlane({
    functionOf,
    sources,
    tagsOf: (arn) => resources.find((one) => one.arn === arn)?.properties.Tags,
    callerOf: (key) => servers.keys.get(key),
    permissions,
  });
  lambda.answer = (request, response) => controlPlane.answer(request, response);
  started.defer(async () => {
    const ended = sources.map((source) => source[Symbol.asyncDispose]());
    client[Symbol.dispose]();
    await functions.stop();
    await Promise.all(ended);
  });
  started.use(new Schedules(schedules));
  for (const source of sources) if (source.definition.enabled) source.enable();
  const queues = new Map(resources.map(({ arn, ref }) => [arn, String(ref)]));
  return new Rehearsal({
    stackName: stack.name,
    apiUrl: api.url,
    endpoints: { ...endpoints, lambda: lambda.url },
    emulators,
    outputs: scope.outputs(),
    resources,
    finder,
    logs,
    schedules,
    cloud: { functions: finder.all, sources, client, queueUrlOf: (arn) => queues.get(arn) ?? '' },
    calls,
    permissions,
    running: started.move(),
  });
}
