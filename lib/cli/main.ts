#!/usr/bin/env node
/** @module What `guildwire` on the command line starts. */
import * as module from 'node:module';

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `error: guildwire needs Node 24 or later, and this is ${process.version}: see https://nodejs.org\n`,
  );
  process.exitCode = 2;
} else {
  // Compiled code is kept for the next time: that takes about a third off the start.
  module.enableCompileCache();
  const { runProgram } = await import('./program.ts');
  await runProgram(process.argv.slice(2));
}
