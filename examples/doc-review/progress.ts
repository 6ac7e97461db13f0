/** Progress on standard error: bars that are redrawn on a terminal, a line now and then elsewhere. */
import type { OutputOf } from 'guildwire';
import { type Answer, type Kind, kinds } from './formats.ts';

const BAR_WIDTH = 24;
const REDRAW_MS = 80;
const LINES_ELSEWHERE = 8;

interface Count {
  answers: number;
  suggestions: number;
}

export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #counts = new Map<Kind, Count>(kinds.map((kind) => [kind, { answers: 0, suggestions: 0 }]));
  #answers = 0;
  #last = '';
  #drawnAt = 0;
  #drawnLines = 0;
  #reported = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  get received(): number {
    return this.#answers;
  }

  answer({ kind, chunk, suggestions, answers }: OutputOf<typeof Answer>): void {
    const count = this.#counts.get(kind) as Count;
    count.answers++;
    count.suggestions += suggestions.length;
    this.#answers++;
    this.#last = `${kind} → doc.suggestions.${kind} → aggregator → doc.review.summary  ${chunk.id}`;
    if (!this.#stream.isTTY) this.#writeLine(answers);
    else if (this.#answers === answers || performance.now() - this.#drawnAt > REDRAW_MS) this.#draw(answers);
  }

  #writeLine(answers: number): void {
    const due = Math.floor((this.#answers / answers) * LINES_ELSEWHERE);
    if (due <= this.#reported && this.#answers < answers) return;
    this.#reported = due;
    const parts = kinds.map((kind) => `${kind} ${this.#counts.get(kind)?.answers ?? 0}`);
    this.#stream.write(`${this.#answers} of ${answers} answers (${parts.join(', ')})\n`);
  }

  #draw(answers: number): void {
    const chunks = Math.max(1, Math.floor(answers / (kinds.length - 1)));
    const lines = kinds.map((kind) => {
      const count = this.#counts.get(kind) as Count;
      const expected = kind === 'structure' ? 1 : chunks;
      const filled = Math.round((count.answers / expected) * BAR_WIDTH);
      const bar = '█'.repeat(filled) + '░'.repeat(Math.max(0, BAR_WIDTH - filled));
      return `${kind.padEnd(10)}${bar} ${`${count.answers}/${expected}`.padEnd(12)}${count.suggestions} suggestions`;
    });
    lines.push(this.#last.slice(0, (this.#stream.columns || 80) - 1));
    const up = this.#drawnLines > 0 ? `\u001b[${this.#drawnLines}A` : '';
    this.#stream.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
    this.#drawnLines = lines.length;
    this.#drawnAt = performance.now();
  }
}
