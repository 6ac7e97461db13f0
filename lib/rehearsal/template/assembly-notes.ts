/** @module What an assembly says about its templates beside them: which construct made a resource, and where assets lie. */
import { readdirSync } from 'node:fs';
import type { Json, JsonObject } from '../../core/json.ts';

interface Note {
  readonly type: string;
  readonly data?: Json;
}

/** By construct path, with a slash in front. */
export type Notes = Readonly<Record<string, readonly Note[]>>;

export class AssemblyNotes {
  /** By template file and logical id. */
  readonly #paths = new Map<string, string>();
  /** By content hash. */
  readonly #assets: ReadonlyMap<string, string>;

  constructor(notes: Notes, assets: ReadonlyMap<string, string>) {
    this.#assets = assets;
    const files = new Map(Object.keys(notes).flatMap((path) => textOf(notes, path, 'aws:cdk:templateFile', path)));
    for (const path of Object.keys(notes))
      for (const [, logicalId] of textOf(notes, path, 'aws:cdk:logicalId', path))
        this.#paths.set(`${nearest(files, path)} ${logicalId}`, path.slice(1));
  }

  /** `Stack/Guild/Queue/Resource`; `undefined` where the assembly does not say. */
  pathOf(file: string, logicalId: string): string | undefined {
    return this.#paths.get(`${file} ${logicalId}`);
  }

  /** The folder or file, within the assembly, of the asset that a property refers to by its hash. */
  assetIn(property: Json | undefined): string | undefined {
    const [, hash = ''] = /([0-9a-f]{64})\.\w+"/.exec(JSON.stringify(property ?? '')) ?? [];
    return this.#assets.get(hash);
  }
}

function textOf(notes: Notes, path: string, type: string, key: string): readonly (readonly [string, string])[] {
  const found = notes[path]?.find((note) => note.type === type)?.data;
  return typeof found === 'string' ? [[key, found]] : [];
}

/** The template file of the innermost stack that the path lies in. */
function nearest(files: ReadonlyMap<string, string>, path: string): string | undefined {
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const file = files.get(at);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** What the asset manifests of an assembly list, by hash. */
export function assetsIn(directory: string, read: (file: string) => JsonObject): ReadonlyMap<string, string> {
  const manifests = readdirSync(directory).filter((file) => file.endsWith('.assets.json'));
  const files = manifests.flatMap((file) => Object.entries((read(file).files ?? {}) as JsonObject));
  return new Map(files.map(([hash, asset]) => [hash, String(((asset as JsonObject).source as JsonObject).path)]));
}
