/** Answers for people: a picture that stands from the first report and is redrawn at most four times a second. */

import type { Report } from '../../client/index.js';
import type { Fault } from '../../protocol/errors.js';
import type { Style } from './canvas.js';
import type { Caption } from './caption.js';
import { picture } from './picture.js';
import { runLine } from './picture-diff.js';
import { LinePresenter, type Tell } from './presenter.js';
import { liveLine, Progress } from './progress.js';
import { runsOf } from './report.js';
import { canRedraw, type Screen } from './screen.js';
import type { Sink } from './sink.js';

const drawMs = 250;
const liveMs = 1000;

export interface PictureOptions {
  readonly sink: Sink;
  readonly screen: Screen;
  /** Asked before each drawing, since a terminal may be resized. */
  readonly style: () => Style;
  readonly caption: () => Caption;
  /** DIFF's whole list of stretches follows the picture. */
  readonly runs: boolean;
  readonly tell: Tell;
  readonly keeps: boolean;
}

export class PicturePresenter extends LinePresenter {
  readonly #options: PictureOptions;
  #names: readonly string[] = [];
  #progress = new Progress();
  #latest: Report | null = null;
  #drawnAt = -Infinity;
  #drawTimer: NodeJS.Timeout | null = null;
  #liveTimer: NodeJS.Timeout | null = null;
  #pictures = 0;

  constructor(options: PictureOptions) {
    super(options.tell, options.keeps);
    this.#options = options;
  }

  override begin(names: readonly string[]): void {
    this.#names = names;
    this.#progress = new Progress();
    this.#latest = null;
    this.#drawnAt = -Infinity;
    this.#liveTimer = setInterval(() => this.#showLive(), liveMs);
  }

  override async report(report: Report): Promise<void> {
    this.#latest = report;
    this.#progress.note(report, performance.now());
    if (!canRedraw()) return;
    const waitMs = this.#drawnAt + drawMs - performance.now();
    if (waitMs <= 0) await this.#draw(report);
    else this.#drawTimer ??= setTimeout(() => void this.#drawLatest(), waitMs);
  }

  async final(report: Report): Promise<void> {
    await this.#draw(report);
    this.#end();
    if (!this.#options.runs) return;
    const style = this.#options.style();
    for (const run of runsOf(report)) await this.#options.sink.write(`${runLine(run, style)}\n`);
  }

  override async failed(fault: Fault): Promise<void> {
    this.#end();
    await super.failed(fault);
  }

  override async stopped(latest: Report | null): Promise<void> {
    if (latest) await this.#draw(latest);
    this.#end();
    await super.stopped(latest);
  }

  async #drawLatest(): Promise<void> {
    this.#drawTimer = null;
    // A terminal that cannot be written to is told of by the final drawing.
    if (this.#latest) await this.#draw(this.#latest).catch(() => undefined);
  }

  async #draw(report: Report): Promise<void> {
    const { screen, style, caption, runs } = this.#options;
    if (this.#drawTimer) clearTimeout(this.#drawTimer);
    this.#drawTimer = null;
    // An empty line between the pictures of two files.
    if (this.#drawnAt === -Infinity && this.#pictures++ > 0) await this.#options.sink.write('\n');
    this.#drawnAt = performance.now();
    await screen.draw(picture(report, style(), { ...caption(), names: this.#names, listsRuns: runs }));
    if (!report.exact) this.#showLive();
  }

  #showLive(): void {
    const text = this.#progress.text(performance.now());
    if (text !== '' && canRedraw()) this.#options.screen.showLive(liveLine(text, this.#options.style(), this.keeps));
  }

  #end(): void {
    if (this.#drawTimer) clearTimeout(this.#drawTimer);
    if (this.#liveTimer) clearInterval(this.#liveTimer);
    this.#drawTimer = null;
    this.#liveTimer = null;
    this.#options.screen.leave();
  }
}
