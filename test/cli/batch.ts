/** Runs commands one after the other in one process, each as it would run in its own: a process takes its time to start. */
import { runProgram } from '../../lib/cli/program.ts';

const commands = JSON.parse(process.argv[2] ?? '[]') as readonly {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}[];
const write = process.stdout.write.bind(process.stdout);
const before = { ...process.env };
const ended: object[] = [];
for (const [name, stream] of [['out', process.stdout] as const, ['err', process.stderr] as const]) {
  stream.setMaxListeners(0);
  stream.write = (text: string | Uint8Array) => {
    said[name] += text;
    return true;
  };
}
let said = { out: '', err: '' };
for (const { args, env } of commands) {
  process.env = { ...before, ...env };
  process.exitCode = undefined;
  said = { out: '', err: '' };
  await runProgram(args);
  ended.push({ code: process.exitCode ?? 0, ...said });
}
process.exitCode = 0;
write(JSON.stringify(ended));
