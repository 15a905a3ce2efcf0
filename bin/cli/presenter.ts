/** How answers leave the command: one presenter for each form of output. Files come one after the other. */

import type { Report } from '../../client/index.js';
import type { Fault } from '../../protocol/errors.js';
import { errorLine } from './failure.js';
import type { Progress } from './progress.js';
import { completionPercent } from './units.js';

export interface Presenter {
  /** The answer of these inputs comes next. */
  begin(names: readonly string[]): void;
  /** The newest report, not yet the final one; awaited before the next is taken. */
  report(report: Report): Promise<void>;
  final(report: Report): Promise<void>;
  failed(fault: Fault): Promise<void>;
  /** The command was told to end; `latest` is what is known by then. */
  stopped(latest: Report | null): Promise<void>;
}

/** One line on stderr. */
export type Tell = (line: string) => void;

/** What all forms do with an end that is none: a line on stderr. */
export abstract class LinePresenter implements Presenter {
  constructor(
    protected readonly tell: Tell,
    /** The cache keeps what was computed. */
    protected readonly keeps: boolean,
  ) {}

  begin(_names: readonly string[]): void {}

  async report(_report: Report): Promise<void> {}

  abstract final(report: Report): Promise<void>;

  async failed(fault: Fault): Promise<void> {
    this.tell(errorLine(fault));
  }

  async stopped(latest: Report | null): Promise<void> {
    this.tell(stoppedLine(latest, this.keeps));
  }
}

export function stoppedLine(latest: { readonly completion: number } | null, keeps: boolean): string {
  const kept = keeps ? ', kept; the same command goes on from there' : '; nothing is kept under --no-cache';
  return `binglide: stopped at ${completionPercent(latest?.completion ?? 0)}${latest ? kept : ''}`;
}

/** `--progress` where there is no live line: one line on stderr from time to time. */
export class ProgressLines {
  static readonly everyMs = 10_000;
  readonly #timer: NodeJS.Timeout;

  constructor(progress: Progress, name: string, tell: Tell) {
    this.#timer = setInterval(() => {
      const text = progress.text(performance.now());
      if (text !== '') tell(`binglide: ${name}: ${text}`);
    }, ProgressLines.everyMs);
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
