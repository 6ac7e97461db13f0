/** @module Packages beside a bundle, with all that they depend on, as Node looks for them. */
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/**
 * @param from A file from which they are imported.
 * @param into The folder of the bundle.
 * @throws Error if one is not installed.
 */
export function copyPackages(names: readonly string[], from: string, into: string): void {
  for (const name of names) copyPackage(name, from, join(into, 'node_modules'));
}

function copyPackage(name: string, from: string, nodeModules: string): void {
  const source = findPackage(name, from);
  const target = join(nodeModules, name);
  if (existsSync(target)) return;
  cpSync(source, target, {
    recursive: true,
    dereference: true,
    filter: (path) => !path.slice(source.length).includes(`${sep}node_modules`),
  });
  const { dependencies = {} } = manifestIn(source);
  for (const dependency of Object.keys(dependencies)) {
    const found = findPackage(dependency, join(source, 'package.json'));
    const hoisted = join(nodeModules, dependency);
    const isOther = existsSync(hoisted) && manifestIn(hoisted).version !== manifestIn(found).version;
    copyPackage(dependency, join(source, 'package.json'), isOther ? join(target, 'node_modules') : nodeModules);
  }
}

function findPackage(name: string, from: string): string {
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(join(found, 'package.json'))) return found;
    if (dirname(folder) === folder)
      throw new Error(`package "${name}", named in nodeModules, is not installed for ${from}`);
  }
}

const manifestIn = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
