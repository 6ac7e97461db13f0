/** @module Lets no child process or temporary folder outlive this one, not even when this one is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Kills a process that was started `detached`, and whatever it has started. */
export function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // None of them is left.
  }
}

/** Keeps a list of pids that it reads from its input, and kills them when the input ends. Then it removes one folder. */
const SCRIPT = `alive=' ' folder=''
while read -r change pid; do
  case $change in
    add) alive="$alive$pid " ;;
    folder) folder=$pid ;;
    remove) alive="\${alive%% $pid *} \${alive#* $pid }" ;;
  esac
done
for pid in $alive; do kill -9 "$pid" 2>/dev/null; done
if [ -n "$folder" ]; then rm -rf "$folder"; fi`;

/**
 * A shell whose input is a pipe from this process. When this process ends, however it ends, the pipe closes and the shell
 * kills what is still on its list. It is detached, so that Ctrl-C on the terminal does not take it first.
 */
export class Reaper implements AsyncDisposable {
  readonly #shell: ChildProcess;
  /** Each with what kills it. */
  readonly #children = new Map<ChildProcess, () => void>();

  constructor() {
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.#shell.stdin?.on('error', () => undefined);
    this.#shell.on('error', () => undefined);
    this.#shell.unref();
  }

  /** From now on `child` ends with this process, at the latest; with whatever it has started, if it is `detached`. */
  watch(child: ChildProcess, { detached = false } = {}): void {
    if (child.pid === undefined) return;
    const pid = detached ? -child.pid : child.pid;
    this.#children.set(child, () => (detached ? killGroup(child) : child.kill('SIGKILL')));
    this.#shell.stdin?.write(`add ${pid}\n`);
    child.once('exit', () => {
      this.#children.delete(child);
      if (this.#shell.stdin?.writable === true) this.#shell.stdin.write(`remove ${pid}\n`);
    });
  }

  /** `folder` is removed should this process be killed. Otherwise it stays: whoever made it removes it. */
  watchFolder(folder: string): void {
    this.#shell.stdin?.write(`folder ${folder}\n`);
  }

  /** Kills everything that is watched, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = [...this.#children].map(async ([child, kill]) => {
      const exit = once(child, 'exit');
      kill();
      await exit;
    });
    await Promise.all(ended);
    if (this.#shell.stdin?.writable === true) this.#shell.stdin.end('folder\n');
  }
}
