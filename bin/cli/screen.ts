/**
 * The terminal while a job runs: a picture on stdout that is redrawn in place, and the live line below it on stderr. The
 * cursor rests on the live line; nothing is hidden or switched off, so a killed process leaves a sane terminal.
 */
import { clearLine, cursorTo } from 'node:readline';
import type { WriteStream } from 'node:tty';
import type { Style } from './canvas.js';
import type { Sink } from './sink.js';

/** What the locale, the environment and the terminal allow. */
export function styleOf(stream: Pick<WriteStream, 'columns' | 'rows'>, env: NodeJS.ProcessEnv = process.env): Style {
  const asked = Number(env.COLUMNS);
  const columns = Number.isSafeInteger(asked) && asked > 0 ? asked : stream.columns || 80;
  const isDumb = env.TERM === 'dumb';
  return {
    columns: Math.max(20, columns),
    unicode: !isDumb && /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || ''),
    color: !isDumb && !env.NO_COLOR,
    // The live line, and one to see that the picture is whole.
    ...(!isDumb && stream.rows > 0 && { rows: Math.max(4, stream.rows - 2) }),
  };
}

/** A dumb terminal cannot go back: it gets the last picture only. */
export function canRedraw(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.TERM !== 'dumb';
}

/** Without a terminal for it there is no live line. */
export function screenOf(out: Sink, live: WriteStream): Screen {
  return new Screen(out, live.isTTY ? live : null);
}

export class Screen {
  readonly #out: Sink;
  readonly #live: WriteStream | null;
  /** Lines of the picture above the cursor. */
  #standing = 0;
  #hasLive = false;

  constructor(out: Sink, live: WriteStream | null) {
    this.#out = out;
    this.#live = live;
  }

  /** Over the picture that stands. */
  async draw(lines: readonly string[]): Promise<void> {
    this.clearLive();
    const back = this.#standing > 0 ? `\x1b[${this.#standing}A` : '';
    const clear = canRedraw() ? '\x1b[K' : '';
    const body = lines.map((line) => `${line}${clear}\n`).join('');
    this.#standing = lines.length;
    await this.#out.write(`${back}${body}${back === '' ? '' : '\x1b[J'}`);
  }

  /** What follows is drawn below. */
  leave(): void {
    this.clearLive();
    this.#standing = 0;
  }

  showLive(text: string): void {
    if (!this.#live) return;
    cursorTo(this.#live, 0);
    this.#live.write(text);
    clearLine(this.#live, 1);
    this.#hasLive = true;
  }

  clearLive(): void {
    if (!this.#live || !this.#hasLive) return;
    cursorTo(this.#live, 0);
    clearLine(this.#live, 0);
    this.#hasLive = false;
  }
}
