/** @module Telling when the files of a project change. Only the folders that hold some of them are watched. */
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';

export class SourceWatch {
  readonly #onChange: (path: string) => void;
  #watchers: readonly FSWatcher[] = [];

  constructor(onChange: (path: string) => void) {
    this.#onChange = onChange;
  }

  /** Watches these folders and no others. They are opened anew: one that was replaced meanwhile is another folder. */
  follow(folders: Iterable<string>): void {
    const before = this.#watchers;
    this.#watchers = [...new Set(folders)].flatMap((folder) => this.#open(folder));
    for (const watcher of before) watcher.close();
  }

  close(): void {
    this.follow([]);
  }

  #open(folder: string): FSWatcher[] {
    try {
      const watcher = watch(folder, (_, name) => name !== null && this.#onChange(join(folder, name)));
      // A folder that goes away tells so by its files; they come back with another folder, or not at all.
      return [watcher.on('error', () => watcher.close())];
    } catch {
      return [];
    }
  }
}
