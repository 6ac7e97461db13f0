/** @module What keeps esbuild from making bundles, told once for each package that it does not find. */
import type { FieldFault } from '../core/errors.ts';

/** @param faults As esbuild told them: one for each import. */
export function bundleFaults(faults: readonly FieldFault[]): readonly FieldFault[] {
  const told = new Set<string>();
  return faults.flatMap((fault) => {
    const [, path = '.'] = /^Could not resolve "([^"]+)"/.exec(fault.problem) ?? [];
    if (path.startsWith('.') || path.startsWith('/')) return [fault];
    if (told.has(path)) return [];
    told.add(path);
    return [{ ...fault, problem: `${fault.problem}: install the package, which goes into the bundle` }];
  });
}
