/** @module Functions by what a person calls them: a name, an ARN, a construct path, or a part of one. */
import type { LocalFunction } from './functions/local-function.ts';
import { UnknownFunctionError } from './rehearsal-errors.ts';

export class FunctionFinder {
  readonly all: readonly LocalFunction[];

  constructor(all: readonly LocalFunction[]) {
    this.all = all;
  }

  /** By name, or by ARN with or without a qualifier. */
  exactly(nameOrArn: string): LocalFunction | undefined {
    return this.all.find(({ definition: { name, arn } }) =>
      [name, arn].some((one) => nameOrArn === one || nameOrArn.startsWith(`${one}:`)),
    );
  }

  /**
   * Also by the end of its construct path, or one part of it, where only one function fits.
   *
   * @throws UnknownFunctionError where none fits, or several.
   */
  called(text: string): LocalFunction {
    const exact = this.exactly(text);
    if (exact !== undefined) return exact;
    const byEnd = this.all.filter(({ definition: { path } }) => path === text || path.endsWith(`/${text}`));
    const byPart = this.all.filter(({ definition: { path } }) => path.split('/').includes(text));
    const fitting = byEnd.length > 0 ? byEnd : byPart;
    const [found, ...others] = fitting;
    if (found === undefined || others.length > 0)
      throw new UnknownFunctionError(text, fitting.map(pathOf), this.all.map(pathOf));
    return found;
  }

  /** Those whose name or construct path fits the pattern. */
  fitting(pattern: RegExp | undefined): readonly LocalFunction[] {
    return this.all.filter(
      ({ definition: { name, path } }) => pattern === undefined || pattern.test(name) || pattern.test(path),
    );
  }
}

const pathOf = ({ definition }: LocalFunction) => definition.path;
