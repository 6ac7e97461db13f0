/** @module The files that one of several functions consists of, where functions that are bundled together share some. */
import type { Metafile } from 'esbuild';

export interface BundleParts {
  /** Written by esbuild, the entry among them. */
  readonly files: readonly string[];
  /** Those that are loaded when the function starts; the others are loaded when they are needed. */
  readonly initial: readonly string[];
  /** Sources of which something lies in them. */
  readonly inputs: readonly string[];
  /** What they import and do not hold, such as `sharp` or `node:fs`. */
  readonly packages: readonly string[];
}

/** @param name Of the entry, as esbuild was told to call its output. */
export function partsOf({ outputs }: Metafile, name: string): BundleParts {
  const entry = Object.keys(outputs).find((path) => new RegExp(`(?:^|/)${name}\\.mjs$`).test(path));
  if (entry === undefined) throw new Error(`esbuild wrote no ${name}.mjs`);
  const reached = (from: string, lazily: boolean, found = new Set<string>()): ReadonlySet<string> => {
    if (found.has(from)) return found;
    found.add(from);
    for (const { path, external, kind } of outputs[from]?.imports ?? [])
      if (!external && (lazily || kind === 'import-statement')) reached(path, lazily, found);
    return found;
  };
  const files = [...reached(entry, true)].toSorted();
  return {
    files,
    initial: [...reached(entry, false)].toSorted(),
    inputs: [...new Set(files.flatMap((file) => Object.keys(outputs[file]?.inputs ?? {})))],
    packages: files.flatMap((file) =>
      (outputs[file]?.imports ?? []).filter(({ external }) => external).map(({ path }) => path),
    ),
  };
}
