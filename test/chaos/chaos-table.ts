import type { ChaosOutcome } from './chaos-run.ts';
import { kinds } from './guild.ts';

/** What was done to it, and what came of it. */
export function chaosTable(outcome: ChaosOutcome): readonly string[] {
  const { accepted, faulted, workers } = outcome;
  const count = (value: number) => value.toLocaleString('en-GB');
  const rows: readonly (readonly [string, string, string])[] = [
    ['injected fault', 'times', 'outcome'],
    ['worker killed (SIGKILL)', count(workers.killed), `${count(workers.started)} worker processes in all`],
    [
      'worker frozen past its leases (SIGSTOP)',
      count(faulted.frozen),
      `${count(workers.hadNoEffect)} attempts without effect`,
    ],
    ['connections cut (CLIENT KILL)', count(faulted.cut), `${count(outcome.repeated)} publishing calls repeated`],
    ['redis paused (SIGSTOP)', count(faulted.paused), `${(faulted.pausedMs / 1_000).toFixed(1)} s in all`],
    [
      'redis killed, restarted on its AOF',
      count(faulted.restarted),
      `told lost ${count(workers.lost)}×, back ${count(workers.back)}×`,
    ],
    ['', '', ''],
    ['of what was accepted', 'expected', 'found in the log'],
    ['tasks', count(accepted), count(outcome.tasks)],
    ['forwarded', count(accepted), count(outcome.forwarded)],
    ['answers', count(accepted), count(outcome.answers)],
    ['results, of four answers each', count(accepted / kinds.length), count(outcome.results)],
    ['dead letters', '0', count(outcome.deadLetters)],
    ['open in the end', '0', '0'],
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return [
    ...rows.map(([what, times, came]) =>
      `${what.padEnd(widths[0] ?? 0)}  ${times.padStart(widths[1] ?? 0)}  ${came}`.trimEnd(),
    ),
    `${outcome.seconds.toFixed(0)} s; starts given up ${count(workers.gaveUpAtStart)}`,
    ...outcome.faults.map((fault) => `FAULT ${fault}`),
    ...outcome.surprises.map((line) => `said: ${line.slice(0, 300)}`),
  ];
}
