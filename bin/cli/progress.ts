/** How fast a job goes and how long it still takes, from its reports; and both as one line. Pure: time comes in. */
import { cut, type Style } from './canvas.js';
import { numberOf, type ReportView } from './report.js';
import { clock, completionPercent, grouped, size, sizeOf } from './units.js';

/** The rate is taken over the last so many milliseconds, so that a disk that slows down is seen to. */
const windowMs = 8000;
const firstRateMs = 300;
const silenceMs = 2000;

interface Mark {
  readonly atMs: number;
  readonly bytes: number;
}

export class Progress {
  #marks: Mark[] = [];
  #report: ReportView | null = null;

  note(report: ReportView, nowMs: number): void {
    const bytes = report.completion * wholeBytes(report);
    this.#report = report;
    this.#marks.push({ atMs: nowMs, bytes });
    while (this.#marks.length > 2 && this.#marks[1]!.atMs < nowMs - windowMs) this.#marks.shift();
  }

  get report(): ReportView | null {
    return this.#report;
  }

  /** Bytes a second; null while it is too early to say. */
  rate(nowMs: number): number | null {
    const first = this.#marks[0];
    const last = this.#marks.at(-1);
    if (!first || !last) return null;
    // Between two reports work goes on, but silence for long means that it is slow.
    const spanMs = Math.max(last.atMs, nowMs - silenceMs) - first.atMs;
    if (spanMs < firstRateMs) return null;
    const rate = ((last.bytes - first.bytes) / spanMs) * 1000;
    return rate > 0 ? rate : null;
  }

  /** "63%  586 of 932 GiB  612 MiB/s  9:39 left  h 6.41"; empty before the first report. */
  text(nowMs: number): string {
    const report = this.#report;
    if (!report) return '';
    const whole = wholeBytes(report);
    const done = report.completion * whole;
    const rate = this.rate(nowMs);
    const parts = [completionPercent(report.completion), sizeOf(done, whole)];
    if (rate !== null) parts.push(`${size(rate)}/s`, `${clock((whole - done) / rate)} left`);
    return [...parts, ...gist(report)].join('  ');
  }
}

/** The live line under a picture, with what Ctrl-C does at its end where there is room. */
export function liveLine(text: string, { columns }: Style, keeps: boolean): string {
  const hint = keeps ? '^C keeps the work' : '^C stops it';
  const line = ` ${text}`;
  const room = columns - 1 - line.length - hint.length;
  return room < 2 ? cut(line, columns - 1) : line + ' '.repeat(Math.min(room, 7)) + hint;
}

function wholeBytes({ range, inputs }: ReportView): number {
  const common = Math.min(range[1], ...inputs.map((input) => input.size));
  return Math.max(0, common - range[0]);
}

/** The answer so far in a word. */
function gist(report: ReportView): string[] {
  const [h, changed] = [numberOf(report, 'h'), numberOf(report, 'changedBytes')];
  if (changed !== null) return [`${grouped(changed)} differ`];
  return h === null ? [] : [`h ${h.toFixed(2)}`];
}
