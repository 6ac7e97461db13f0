/** @module What a function serves: the guild of its deployment, as its manifest tells it, in the namespaces of its environment. */
import type { Middleware } from '../../bus/middleware/middleware.ts';
import type { Interest } from '../../core/admission.ts';
import { type FieldFault, InvalidArgumentError, InvalidMessageError } from '../../core/errors.ts';
import { type Format, genericJson } from '../../core/format.ts';
import { show } from '../../core/show.ts';
import { MAX_NAMESPACE, nameProblem } from '../../core/topic.ts';
import { TopicFamilies, type TopicFamily } from '../../core/topic-family.ts';
import { awsEnvironment, awsVariables } from '../../environment/aws-variables.ts';
import type { GuildManifest, ManifestFamily } from '../../environment/guild-manifest.ts';

/**
 * The namespaces that the function's variable names.
 *
 * @throws InvalidArgumentError if it is not set, or names what is none.
 */
export function servedNamespaces({ namespaces } = awsEnvironment()): '*' | readonly string[] {
  const field = awsVariables.namespaces;
  if (namespaces === undefined)
    throw new InvalidArgumentError([{ field, problem: 'is not set: the deployment sets it, separated by commas' }]);
  if (namespaces === '*') return '*';
  const named = namespaces.split(',').map((name) => name.trim());
  const faults = named.flatMap((name): FieldFault[] => {
    const problem = nameProblem(name, MAX_NAMESPACE);
    return problem === undefined ? [] : [{ field, problem }];
  });
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  return named;
}

/** The families of the manifest. Of their formats only the names are known, and that is all that publishing asks. */
export function declaredFamilies({ declared, inferred, allowUndeclared }: GuildManifest): TopicFamilies {
  const family = ({ formats, ...rest }: ManifestFamily): TopicFamily => ({
    ...rest,
    formats: formats.map((name): Format => ({ ...genericJson, name })),
  });
  return new TopicFamilies(declared.map(family), allowUndeclared, inferred.map(family));
}

export const interestsOf = ({ agents }: GuildManifest): readonly Interest[] =>
  agents.map(({ name, patterns, onlyWhenTagged }) => ({ agent: name, patterns, onlyWhenTagged }));

/** Refuses formats that a topic does not take, by name and in any version: who runs here has no schemas. */
export function takesDeclaredFormats(families: TopicFamilies): Middleware {
  return {
    publish: async ({ topics, format }, next) => {
      const faults = [topics].flat().flatMap((topic): FieldFault[] => {
        const { formats = [] } = families.of(topic) ?? {};
        if (formats.length === 0 || formats.some(({ name }) => name === format.name)) return [];
        const allowed = formats.map(({ name }) => name).join(', ');
        return [{ field: 'format', problem: `got ${show(format.name)}: "${topic}" takes ${allowed} only` }];
      });
      if (faults.length > 0) throw new InvalidMessageError(faults);
      return next();
    },
  };
}
