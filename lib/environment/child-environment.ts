/** @module The environment of a process that this one starts. */

/** This process's own with these changes; undefined takes a variable out. */
export function childEnvironment(changes: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  return { ...process.env, ...changes };
}
