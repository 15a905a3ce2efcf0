/**
 * DIGRAM on a terminal: how often each byte value follows each other one, as a map with the first byte down and the
 * second across. Shades are logarithmic, a factor of 8 each, around the pairs that a character would have if all were
 * equally frequent: random bytes are one even shade, text and code stand out, and one pair is never drawn as nothing.
 */
import { fill, type Glyphs, glyphsOf, type Painted, paintRuns, type Style, valueAxis, wrapped } from './canvas.js';
import { basisLine, type Caption, costLine, title } from './caption.js';
import { type Numbers, numberOf, numbersOf, type ReportView } from './report.js';
import { byteName, counted, grouped, percent } from './units.js';

const values = 256;
const margin = 3;
const mostNamed = 16;
/** Where the second and further shades begin, in even shares. */
const shadeStarts = [1 / 4, 2, 16];

interface Shape {
  readonly across: number;
  readonly down: number;
}

export function pictureOfDigram(report: ReportView, style: Style, caption: Caption): string[] {
  const counts = numbersOf(report, 'counts');
  const glyphs = glyphsOf(style);
  const n = numberOf(report, 'n') ?? 0;
  const legend = legendLines(report, counts, glyphs, style);
  // Beside the map: title, axis, legend, the most frequent pairs, and what the answer cost.
  const shape = shapeFor(style, legend.length + 4);
  const head = title(report, style, Math.min(style.columns, margin + shape.across + 2), caption);
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  if (total === 0) return [head, ` ${report.exact ? (n > 0 ? 'no pair here' : 'no bytes here') : 'nothing read yet'}`];
  return [
    head,
    ...mapLines(counts, total, shape, glyphs, style),
    valueAxis(shape.across, margin, glyphs),
    ...legend,
    mostLine(counts, total, style),
    ...basisLine(report, style),
    ...costLine(report, style, n, caption),
  ];
}

/** Powers of two, so that a character is a run of values each way; it is about twice as high as wide. */
function shapeFor({ columns, rows = Infinity }: Style, otherLines: number): Shape {
  const across = [256, 128, 64, 32].find((width) => margin + width + 3 <= columns) ?? 16;
  const down = [128, 64, 32, 16, 8].find((height) => height <= across / 2 && height + otherLines <= rows) ?? 4;
  return { across, down };
}

function mapLines(counts: Numbers, total: number, { across, down }: Shape, glyphs: Glyphs, style: Style): string[] {
  const sums = new Float64Array(across * down);
  for (let i = 0; i < counts.length; i++) {
    const [row, column] = [Math.floor((i * down) / values ** 2), Math.floor(((i % values) * across) / values)];
    sums[row * across + column]! += counts[i]!;
  }
  const even = total / sums.length;
  return Array.from({ length: down }, (_, row) => {
    const first = (row * values) / down;
    const label = first % 16 === 0 ? (first / 16).toString(16).toUpperCase() : '';
    const shades = Array.from(sums.subarray(row * across, (row + 1) * across), (sum): Painted => {
      return { text: glyphs.shades[shadeOf(sum / even)]! };
    });
    return `${label.padStart(margin - 1)} ${glyphs.side}${paintRuns(style, shades)}${glyphs.side}`;
  });
}

function shadeOf(shares: number): number {
  return shares > 0 ? 1 + shadeStarts.filter((start) => start <= shares).length : 0;
}

function legendLines(report: ReportView, counts: Numbers, { shades }: Glyphs, style: Style): string[] {
  let present = 0;
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) present++;
  const pieces = [
    'first byte down, second across',
    `${grouped(present)} of ${counted(values ** 2, 'pair')} there${report.exact ? '' : ' so far'}`,
    `${shades[1]} some  ${shades[2]} 1/4  ${shades[3]} 2  ${shades[4]} 16 even shares`,
  ];
  return wrapped(
    style,
    pieces.map((text) => [{ text }]),
  );
}

function mostLine(counts: Numbers, total: number, style: Style): string {
  const most = Array.from(counts, (count, pair) => ({ pair, count }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || a.pair - b.pair)
    .slice(0, mostNamed)
    .map(({ pair, count }) => {
      return `${byteName(Math.floor(pair / values))} ${byteName(pair % values)} ${percent(count / total, 2)}`;
    });
  return fill(' most  ', most, '   ', Math.min(style.columns, 100));
}
