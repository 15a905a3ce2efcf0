/**
 * STATS on a terminal: a line a statistic, with what random bytes would have beside it, and how to read the probability
 * of chi-square, in the words of `ent`. A statistic that is undefined for these bytes is unknown.
 */
import { cut, type Style, textWidth, wrapped } from './canvas.js';
import { basisLine, type Caption, costLine, title } from './caption.js';
import { numberOf, type ReportView } from './report.js';
import { grouped, percent } from './units.js';

const columnsMax = 100;

interface Line {
  readonly label: string;
  readonly value: string;
  /** What it is to be compared with; empty where the value is unknown. */
  readonly note: string;
}

export function pictureOfStats(report: ReportView, style: Style, caption: Caption): string[] {
  const columns = Math.min(style.columns, columnsMax);
  const n = numberOf(report, 'n') ?? 0;
  const head = title(report, style, columns, caption);
  if (report.exact && n === 0) return [head, ' no bytes here'];
  const lines = linesOf(report, style);
  const [labels, values] = (['label', 'value'] as const).map((part) =>
    Math.max(...lines.map((line) => textWidth(line[part]))),
  ) as [number, number];
  return [
    head,
    ...lines.flatMap((line) => lineText(line, labels, values, columns)),
    ...readingLines(style),
    ...basisLine(report, style),
    ...costLine(report, style, n, caption),
  ];
}

/** On one line where there is room, else the note below. */
function lineText({ label, value, note }: Line, labels: number, values: number, columns: number): string[] {
  const start = ` ${label}${' '.repeat(labels - textWidth(label))}  ${value}`;
  const line = `${start}${' '.repeat(values - textWidth(value))}  ${note}`;
  if (textWidth(line) <= columns) return [line.trimEnd()];
  return [start, ...(note === '' ? [] : [`   ${note}`])].map((text) => cut(text, columns));
}

function linesOf(report: ReportView, { unicode }: Style): Line[] {
  const line = (label: string, name: string, show: (value: number) => Omit<Line, 'label'>): Line => {
    const value = numberOf(report, name);
    return { label, ...(value === null ? { value: 'unknown', note: '' } : show(value)) };
  };
  return [
    line('entropy', 'h', (h) => ({ value: h.toFixed(6), note: 'bits a byte; random: 8' })),
    line('min-entropy', 'minEntropy', (h) => ({
      value: h.toFixed(6),
      note: `bits a byte; commonest value ${percent(2 ** -h, 2)}`,
    })),
    chiSquareLine(report),
    line('mean', 'mean', (mean) => ({ value: mean.toFixed(4), note: 'random: 127.5' })),
    line(`${unicode ? 'π' : 'pi'} by Monte Carlo`, 'monteCarloPi', (pi) => ({
      value: pi.toFixed(6),
      note: `random: 3.141593; off by ${percent(Math.abs(pi / Math.PI - 1), 2)}`,
    })),
    line('serial correlation', 'serialCorrelation', (r) => ({ value: r.toFixed(6), note: 'random: 0' })),
    line('index of coincidence', 'indexOfCoincidence', (ic) => ({ value: ic.toFixed(6), note: 'random: 0.003906' })),
  ];
}

/** Counts that are scaled up from samples have a chi-square scaled up as well, which tells nothing of the whole. */
function chiSquareLine(report: ReportView): Line {
  const label = 'chi-square';
  const [chi, p] = [numberOf(report, 'chiSquare'), numberOf(report, 'chiSquareP')];
  if (!report.exact) return { label, value: 'unknown', note: 'until all is exact' };
  if (chi === null || p === null) return { label, value: 'unknown', note: '' };
  return { label, value: chiText(chi), note: `p ${percent(p, 2)}: ${readingOf(p)}` };
}

function chiText(chi: number): string {
  return chi >= 1e6 ? grouped(Math.round(chi)) : chi.toFixed(2);
}

/** Of the probability that random bytes have that chi-square or more (ent's manual page); either tail counts. */
export function readingOf(p: number): string {
  const tail = Math.min(p, 1 - p);
  if (tail < 0.01) return 'not random';
  if (tail < 0.05) return 'suspect';
  return tail < 0.1 ? 'almost suspect' : 'as random bytes have it';
}

function readingLines(style: Style): string[] {
  const pieces = [
    'p: how often random bytes have more',
    '<1% or >99% not random',
    '1-5% or 95-99% suspect',
    '5-10% or 90-95% almost suspect',
  ];
  return wrapped(
    style,
    pieces.map((text) => [{ text, format: 'dim' as const }]),
  );
}
