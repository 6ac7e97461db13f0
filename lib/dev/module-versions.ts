/** @module Loading a project's modules anew: the same files, as they are now, in the same process. */
import { existsSync, realpathSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** This library, which must not be loaded twice: what it made would no longer be its own. */
const OWN = pathToFileURL(join(import.meta.dirname, '..')).href;

/**
 * The modules of one project. Every `import` loads the whole project anew, packages excepted; what was loaded before stays
 * in memory, which is a price of development only.
 */
export class ModuleVersions {
  readonly #rootUrl: string;
  #version = 0;
  #files = new Set<string>();

  /** @param entry A file; the folder of the nearest package.json above it is the project. */
  constructor(entry: string) {
    this.#rootUrl = `${pathToFileURL(projectOf(realpathSync(entry))).href}/`;
    registerHooks({
      resolve: (specifier, context, next) => {
        const resolved = next(specifier, context);
        if (!context.conditions.includes('import') || !this.#isProject(resolved.url)) return resolved;
        this.#files.add(fileURLToPath(resolved.url));
        return { ...resolved, url: `${resolved.url}?v=${this.#version}` };
      },
    });
  }

  /** The files of the project that the last `import` loaded, or had found when it failed. */
  get files(): ReadonlySet<string> {
    return this.#files;
  }

  /** The module as it is now. Rejects with whatever is wrong with it. */
  async import(path: string): Promise<Readonly<Record<string, unknown>>> {
    this.#version++;
    this.#files = new Set();
    return (await import(pathToFileURL(realpathSync(path)).href)) as Readonly<Record<string, unknown>>;
  }

  #isProject(url: string): boolean {
    return (
      this.#version > 0 &&
      url.startsWith(this.#rootUrl) &&
      !url.includes('?') &&
      !url.includes('/node_modules/') &&
      !url.startsWith(`${OWN}/`)
    );
  }
}

function projectOf(entry: string): string {
  let folder = dirname(entry);
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder);
    if (above === folder) return dirname(entry);
    folder = above;
  }
  return folder;
}
