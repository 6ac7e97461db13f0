/** @module Clients of stores, which are loaded when they are first needed, since not everybody has them. */
import { InvalidArgumentError } from '../core/errors.ts';

/**
 * What `load` imports.
 *
 * @param client The package that it needs.
 * @throws InvalidArgumentError if that is not installed.
 */
export async function loadClient<T>(client: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    if (!isMissing || !error.message.includes(`'${client}'`)) throw error;
    throw new InvalidArgumentError([
      { field: 'backend', problem: `this backend needs the package ${client}: npm install ${client}` },
    ]);
  }
}
