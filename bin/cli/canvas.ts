/**
 * What pictures are painted with: the style of the output, its characters, bars of eighths, an axis of offsets and
 * lines that keep to the width. Pure; every function returns whole lines without their ends.
 */
import { styleText } from 'node:util';
import { hex } from './units.js';

export interface Style {
  /** Width in columns that a line may fill. */
  readonly columns: number;
  /** False: nothing past ASCII. */
  readonly unicode: boolean;
  readonly color: boolean;
  /** Height in lines that a picture may fill; absent: any. */
  readonly rows?: number;
}

export interface Glyphs {
  /** From empty to full in eighths. */
  readonly eighths: readonly string[];
  /** From empty to full in quarters, for maps. */
  readonly shades: readonly string[];
  readonly between: string;
  readonly sampled: string;
  readonly over: string;
  readonly side: string;
  readonly corner: readonly [string, string];
  readonly line: string;
  readonly tick: string;
  readonly dot: string;
  readonly ellipsis: string;
  readonly middot: string;
}

const unicodeGlyphs: Glyphs = {
  eighths: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  shades: [' ', '░', '▒', '▓', '█'],
  between: '▒',
  sampled: '░',
  over: '▲',
  side: '│',
  corner: ['└', '┘'],
  line: '─',
  tick: '┴',
  dot: '·',
  ellipsis: '…',
  middot: '·',
};

const asciiGlyphs: Glyphs = {
  eighths: [' ', '.', '.', '.', '#', '#', '#', '#', '#'],
  shades: [' ', '.', ':', '+', '#'],
  between: ':',
  sampled: '~',
  over: '^',
  side: '|',
  corner: ['+', '+'],
  line: '-',
  tick: '+',
  dot: '.',
  ellipsis: '..',
  middot: '-',
};

export function glyphsOf({ unicode }: Style): Glyphs {
  return unicode ? unicodeGlyphs : asciiGlyphs;
}

export type Paint = Parameters<typeof styleText>[0];
/** A character and its colour. */
export type Painted = { readonly text: string; readonly format?: Paint };

export function paint({ color }: Style, format: Paint, text: string): string {
  return color && text !== '' ? styleText(format, text) : text;
}

/** Neighbours of one colour are painted at once: a row of bars is a few escape sequences, not one a column. */
export function paintRuns(style: Style, pieces: readonly Painted[]): string {
  let line = '';
  for (let i = 0; i < pieces.length; ) {
    const { format } = pieces[i]!;
    let text = '';
    while (i < pieces.length && pieces[i]!.format === format) text += pieces[i++]!.text;
    line += format === undefined || text.trim() === '' ? text : paint(style, format, text);
  }
  return line;
}

/** One character of a bar: the bar is `height` rows tall, `row` counts from 0 at the foot. */
export function barGlyph(glyphs: Glyphs, height: number, row: number): string {
  const filled = Math.round((height - row) * 8);
  // Something is never drawn as nothing.
  if (row === 0 && height > 0 && filled < 1) return glyphs.eighths[1]!;
  return glyphs.eighths[Math.max(0, Math.min(8, filled))]!;
}

// Zero-width marks, and what terminals draw two columns wide.
const zeroWide = /\p{M}/u;
const doubleWide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

function charWidth(char: string): number {
  return zeroWide.test(char) ? 0 : doubleWide.test(char) ? 2 : 1;
}

/** Columns that a text without colours takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** A name that no longer can steer a terminal; in ASCII everything past it is `?`. */
export function printable(text: string, { unicode }: Pick<Style, 'unicode'>): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
  return unicode ? safe : safe.replace(/[^ -~]/g, '?');
}

/** Shortens from the middle, so that a name keeps its ending. */
export function shorten(text: string, columns: number, glyphs: Glyphs): string {
  if (textWidth(text) <= columns) return text;
  const chars = [...text];
  const room = columns - textWidth(glyphs.ellipsis);
  if (room < 2) return cut(text, columns);
  let head = '';
  let tail = '';
  while (chars.length > 0) {
    const front = textWidth(head) < textWidth(tail);
    const char = front ? chars.shift()! : chars.pop()!;
    if (textWidth(head) + textWidth(tail) + charWidth(char) > room) break;
    if (front) head += char;
    else tail = char + tail;
  }
  return head + glyphs.ellipsis + tail;
}

/** Cuts at the width. */
export function cut(text: string, columns: number): string {
  let width = 0;
  let kept = '';
  for (const char of text) {
    if ((width += charWidth(char)) > columns) break;
    kept += char;
  }
  return kept;
}

/** Left and right ends of a line; the left one gives way. */
export function ends(left: string, right: string, columns: number): string {
  const room = columns - textWidth(right) - 1;
  const head = cut(left, Math.max(0, room));
  return cut(head + ' '.repeat(Math.max(1, columns - textWidth(head) - textWidth(right))) + right, columns);
}

/** As many of the pieces as fit on one line. */
export function fill(lead: string, pieces: readonly string[], gap: string, columns: number): string {
  let line = lead;
  for (const [i, piece] of pieces.entries()) {
    const next = line + (i === 0 ? '' : gap) + piece;
    if (textWidth(next) > columns) break;
    line = next;
  }
  return line;
}

/** Pieces as they are painted, in as many lines as they need; a piece that is wider than a line is cut off there. */
export function wrapped(style: Style, pieces: readonly (readonly Painted[])[], gap = '   '): string[] {
  const lines: Painted[][] = [];
  let room = 0;
  for (const piece of pieces) {
    const width = piece.reduce((sum, { text }) => sum + textWidth(text), 0);
    if (lines.length > 0 && gap.length + width <= room) {
      lines.at(-1)!.push({ text: gap }, ...piece);
      room -= gap.length + width;
    } else {
      lines.push([{ text: ' ' }, ...piece]);
      room = style.columns - 1 - width;
    }
  }
  return lines.map((line) => paintRuns(style, clipped(line, style.columns)));
}

function clipped(line: readonly Painted[], columns: number): Painted[] {
  let room = columns;
  return line.map(({ text, ...format }) => {
    const kept = cut(text, room);
    room -= textWidth(kept);
    return { text: kept, ...format };
  });
}

/** The line under the 256 byte values in `inner` columns: a hex digit where each sixteenth of them begins. */
export function valueAxis(inner: number, margin: number, glyphs: Glyphs): string {
  const digits = Array.from({ length: 16 }, (_, digit) =>
    digit
      .toString(16)
      .toUpperCase()
      .padEnd(inner / 16, glyphs.dot),
  ).join('');
  return `${' '.repeat(margin)}${glyphs.corner[0]}${digits}${glyphs.corner[1]}`;
}

/** Columns of a strip that keeps `margin` on its left, a side on each hand and a free last column; whole ticks. */
export function stripWidth(columns: number, margin: number): { inner: number; ticks: number } {
  const room = Math.max(16, columns - margin - 3);
  const ticks = Math.max(1, Math.floor(room / 18));
  return { inner: room - (room % ticks), ticks };
}

/** The two lines under a strip: ticks, and the offsets where their columns begin. */
export function offsetAxis(
  style: Style,
  margin: number,
  { inner, ticks }: { inner: number; ticks: number },
  offsetAt: (column: number) => number,
  end: number,
): string[] {
  const glyphs = glyphsOf(style);
  const step = inner / ticks;
  const pad = ' '.repeat(margin);
  const ruler = (glyphs.tick + glyphs.line.repeat(step - 1)).repeat(ticks);
  const last = hex(end);
  let labels = '';
  let before = '';
  for (let tick = 0; tick < ticks; tick++) {
    const label = hex(offsetAt(tick * step));
    // The last label ends one past the corner.
    const room = Math.max(0, tick === ticks - 1 ? step + 2 - last.length : step);
    // Columns that begin in the same cell share its label.
    labels += (label.length < room && label !== before ? label : '').padEnd(room);
    before = label;
  }
  return [`${pad}${glyphs.corner[0]}${ruler}${glyphs.corner[1]}`, `${pad} ${labels}${last}`];
}
