/** @module The environment variables that Guildwire reads, and nothing else reads them. */

/** `GUILDWIRE_TEST_SEED`: the seed of the conformance suite's randomness, as a failure printed it. */
export function testSeed(): number | undefined {
  const seed = Number.parseInt(process.env.GUILDWIRE_TEST_SEED ?? '', 10);
  return Number.isNaN(seed) ? undefined : seed;
}

/** Settings by the variable that sets them, as dotted paths into the configuration. */
export const settingVariables = {
  GUILDWIRE_GUILD: 'guild',
  GUILDWIRE_BACKEND: 'backend',
  GUILDWIRE_NAMESPACE: 'namespace',
  GUILDWIRE_URL: 'url',
  GUILDWIRE_TOKEN: 'token',
  GUILDWIRE_HOST: 'http.host',
  GUILDWIRE_PORT: 'http.port',
} as const;

const OTHERS: readonly string[] = ['GUILDWIRE_TEST_SEED'];

/** What of them is set. `unknown` are variables that look like ours and are not, misspelt perhaps. */
export function environmentSettings(environment: NodeJS.ProcessEnv = process.env): {
  readonly set: readonly { readonly variable: string; readonly path: string; readonly value: string }[];
  readonly unknown: readonly string[];
} {
  const set = Object.entries(settingVariables).flatMap(([variable, path]) => {
    const value = environment[variable];
    return value === undefined || value === '' ? [] : [{ variable, path, value }];
  });
  const unknown = Object.keys(environment).filter(
    (name) => name.startsWith('GUILDWIRE_') && !Object.hasOwn(settingVariables, name) && !OTHERS.includes(name),
  );
  return { set, unknown };
}

/** Whether output may have colours: on a terminal, and never with `NO_COLOR` (https://no-color.org). */
export function mayColour(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR } = process.env;
  return stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '');
}
