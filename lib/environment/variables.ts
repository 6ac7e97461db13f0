/** @module The environment variables that Guildwire reads, and nothing else reads them. */

/** `GUILDWIRE_TEST_SEED`: the seed of the conformance suite's randomness, as a failure printed it. */
export function testSeed(): number | undefined {
  const seed = Number.parseInt(process.env.GUILDWIRE_TEST_SEED ?? '', 10);
  return Number.isNaN(seed) ? undefined : seed;
}
