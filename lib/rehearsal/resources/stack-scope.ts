/** @module One stack and what is nested in it, with every reference followed. */
import type { Json, JsonObject } from '../../core/json.ts';
import { UnsupportedTemplateError } from '../rehearsal-errors.ts';
import { IntrinsicFault, type Lookup, NO_VALUE, resolve } from '../template/intrinsics.ts';
import type { ResourceTemplate, StackTemplate } from '../template/read-assembly.ts';
import { type Identity, kindOf, type Place, shortened } from './resource-kinds.ts';

/** A resource of the template with all references followed. */
export interface Resource {
  readonly logicalId: string;
  readonly type: string;
  /** Where its construct stands: `Stack/Guild/Agent/Resource`. The logical id where the template does not say. */
  readonly path: string;
  /** The template's file. */
  readonly file: string;
  readonly name: string;
  readonly arn: string;
  readonly ref: Json;
  readonly properties: JsonObject;
  readonly metadata: JsonObject;
}

/** A resource whatever comes of it; without properties where they refer to what a rehearsal does not know. */
export type DescribedResource = Omit<Resource, 'properties'> & { readonly properties: JsonObject | undefined };

/**
 * Names and ARNs follow from the template alone, so that references can be followed before anything is made, in any order.
 */
export class StackScope implements Lookup {
  readonly #stack: StackTemplate;
  readonly #place: Place;
  readonly #parameters: () => JsonObject;
  readonly #nested = new Map<string, StackScope>();
  readonly #identities = new Map<string, Identity>();

  constructor(stack: StackTemplate, place: Place, parameters: () => JsonObject = () => ({})) {
    this.#stack = stack;
    this.#place = place;
    this.#parameters = parameters;
    for (const [logicalId, nested] of stack.nested) {
      const given = () => {
        const value = stack.template.Resources[logicalId]?.Properties?.Parameters ?? {};
        return resolve(value, this) as JsonObject;
      };
      this.#nested.set(logicalId, new StackScope(nested, place, given));
    }
  }

  /**
   * Everything of a type that takes part, nested stacks included.
   *
   * @throws UnsupportedTemplateError that names everything which is not known.
   */
  resources(): readonly Resource[] {
    const faults: string[] = [];
    const found = this.#collect(faults);
    if (faults.length > 0) throw new UnsupportedTemplateError(faults);
    return found;
  }

  /** All of these types, nested stacks included, whether they take part or are only referred to. */
  described(types: readonly string[]): readonly DescribedResource[] {
    const own = Object.entries(this.#stack.template.Resources)
      .filter(([, { Type }]) => types.includes(Type))
      .flatMap(([logicalId, resource]) => this.#described(logicalId, resource));
    return [...own, ...[...this.#nested.values()].flatMap((scope) => scope.described(types))];
  }

  /** The stack's outputs by their logical ids, as text. */
  outputs(): Readonly<Record<string, string>> {
    const outputs = Object.entries(this.#stack.template.Outputs ?? {});
    const there = outputs.filter(([, { Condition }]) => Condition === undefined || this.condition(Condition));
    return Object.fromEntries(there.map(([id, { Value }]) => [id, String(this.#localUrls(resolve(Value, this)))]));
  }

  ref(name: string): Json | undefined {
    const pseudo: Readonly<Record<string, Json>> = {
      'AWS::AccountId': this.#place.account,
      'AWS::NoValue': NO_VALUE,
      'AWS::NotificationARNs': [],
      'AWS::Partition': 'aws',
      'AWS::Region': this.#place.region,
      'AWS::StackId': `arn:aws:cloudformation:${this.#place.region}:${this.#place.account}:stack/${this.#stack.name}/rehearsal`,
      'AWS::StackName': this.#stack.name,
      'AWS::URLSuffix': 'amazonaws.com',
    };
    if (Object.hasOwn(pseudo, name)) return pseudo[name];
    const parameter = this.#stack.template.Parameters?.[name];
    if (parameter !== undefined) return this.#parameters()[name] ?? parameter.Default;
    const resource = this.#stack.template.Resources[name];
    if (resource === undefined) return undefined;
    return kindOf(resource.Type)?.ref(this.#identityOf(name, resource));
  }

  attribute(logicalId: string, name: string): Json | undefined {
    const nested = this.#nested.get(logicalId);
    if (nested !== undefined) return nested.#output(name);
    const resource = this.#stack.template.Resources[logicalId];
    if (resource === undefined) return undefined;
    return kindOf(resource.Type)?.attributes[name]?.(this.#identityOf(logicalId, resource));
  }

  condition(name: string): boolean | undefined {
    const expression = this.#stack.template.Conditions?.[name];
    return expression === undefined ? undefined : resolve(expression, this) === true;
  }

  mapped(map: string, first: string, second: string): Json | undefined {
    return this.#stack.template.Mappings?.[map]?.[first]?.[second];
  }

  #output(name: string): Json | undefined {
    const output = this.#stack.template.Outputs?.[name.replace(/^Outputs\./, '')];
    return output === undefined ? undefined : resolve(output.Value, this);
  }

  #collect(faults: string[]): readonly Resource[] {
    const { template, file } = this.#stack;
    const own = Object.entries(template.Resources).flatMap(([logicalId, resource]) => {
      const kind = kindOf(resource.Type);
      if (kind === undefined) faults.push(`${file}: ${logicalId} is of type ${resource.Type}`);
      if (kind?.active !== true) return [];
      try {
        return this.#resourceOf(logicalId, resource) ?? [];
      } catch (error) {
        if (!(error instanceof IntrinsicFault)) throw error;
        faults.push(`${file}: ${logicalId}: ${error.message}`);
        return [];
      }
    });
    return [...own, ...[...this.#nested.values()].flatMap((scope) => scope.#collect(faults))];
  }

  #resourceOf(logicalId: string, resource: ResourceTemplate): Resource | undefined {
    if (resource.Condition !== undefined && this.condition(resource.Condition) !== true) return undefined;
    const { name, arn } = this.#identityOf(logicalId, resource);
    const path = resource.Metadata?.['aws:cdk:path'];
    return {
      logicalId,
      type: resource.Type,
      path: typeof path === 'string' ? path : logicalId,
      file: this.#stack.file,
      name,
      arn,
      ref: this.ref(logicalId) ?? name,
      properties: this.#localUrls(resolve(resource.Properties ?? {}, this)) as JsonObject,
      metadata: resource.Metadata ?? {},
    };
  }

  #described(logicalId: string, resource: ResourceTemplate): readonly DescribedResource[] {
    try {
      return [this.#resourceOf(logicalId, resource) ?? []].flat();
    } catch (error) {
      if (!(error instanceof IntrinsicFault)) throw error;
      const bare = this.#resourceOf(logicalId, { ...resource, Properties: {} });
      return bare === undefined ? [] : [{ ...bare, properties: undefined }];
    }
  }

  #identityOf(logicalId: string, { Type, Properties = {} }: ResourceTemplate): Identity {
    const known = this.#identities.get(logicalId);
    if (known !== undefined) return known;
    const kind = kindOf(Type);
    if (kind === undefined) throw new IntrinsicFault(`${Type} is not known to the rehearsal`);
    const given = kind.nameProperty === undefined ? undefined : Properties[kind.nameProperty];
    const made = shortened(`${this.#stack.name}-${logicalId}`, kind.maxName);
    const fifo = Properties.FifoQueue === true || Properties.FifoTopic === true ? '.fifo' : '';
    const own = Type === 'AWS::S3::Bucket' ? made.toLowerCase() : `${made}${fifo}`;
    const name = given === undefined ? own : String(resolve(given, this));
    const identity = { name, arn: kind.arn(name, this.#place), place: this.#place };
    this.#identities.set(logicalId, identity);
    return identity;
  }

  /** An address of an API is put together from its id by the template; here it is the one of this machine. */
  #localUrls(value: Json): Json {
    const { apiUrl, region } = this.#place;
    const address = new RegExp(`https://r[0-9a-f]{9}\\.execute-api\\.${region}\\.amazonaws\\.com`, 'g');
    return JSON.parse(JSON.stringify(value).replaceAll(address, apiUrl)) as Json;
  }
}
