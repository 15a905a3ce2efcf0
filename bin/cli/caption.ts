/** The lines that all pictures share: the title, and what the answer cost. Pure. */
import { ends, fill, glyphsOf, paint, printable, type Style, shorten, textWidth } from './canvas.js';
import { type CellsView, numberOf, type ReportView } from './report.js';
import { completionPercent, counted, duration, exactSize, grouped, hexRange, size } from './units.js';

/** Of less the time is that of starting. */
const rateBytesMin = 2 ** 20;

/** What a picture may say beside the report. */
export interface Caption {
  /** Inputs as they were typed; absent: as the report names them. */
  readonly names?: readonly string[];
  /** Cores at work, where that is known. */
  readonly cores?: number;
  /** Parameters of the request. */
  readonly params?: { readonly [name: string]: unknown };
  /** DIFF: the whole list of stretches follows, the picture needs none. */
  readonly listsRuns?: boolean;
}

export function inputName(report: ReportView, index: number, style: Style, caption: Caption): string {
  return printable(caption.names?.[index] ?? report.inputs[index]?.path ?? '', style);
}

export function standing(report: ReportView): string {
  return report.exact ? 'exact' : completionPercent(report.completion);
}

/** "node   94.3 MiB   0x0:0x5e597d0      HIST  exact"; in little room the range goes first, then the name's middle. */
export function title(report: ReportView, style: Style, columns: number, caption: Caption, about = ''): string {
  const name = inputName(report, 0, style, caption);
  const bytes = size(report.inputs[0]?.size ?? 0);
  const [right, brief] = [about, ''].map((text) =>
    [report.service, text, standing(report)].filter((part) => part !== '').join('  '),
  ) as [string, string];
  const forms: [string, string][] = [
    [`   ${bytes}   ${hexRange(...report.range)}`, right],
    [`   ${bytes}`, right],
    [`   ${bytes}`, brief],
    ['', brief],
  ];
  const fits = ([left, status]: [string, string]) =>
    Math.min(textWidth(name), 16) + textWidth(left) + 2 + textWidth(status) <= columns;
  const [left, status] = forms.find(fits) ?? forms.at(-1)!;
  const room = columns - textWidth(left) - textWidth(status) - 2;
  const line = ends(shorten(name, room, glyphsOf(style)) + left, status, columns);
  return report.exact ? line : line.replace(/\S+$/, (text) => paint(style, 'yellow', text));
}

/** "755 cells of 128 KiB", for the title. The first and last one may be cut by the range. */
export function cellsText(cells: CellsView): string {
  const middle = cells.length > 2 ? 1 : 0;
  const width = cells.end(middle) - cells.start[middle]!;
  return cells.length === 1 ? '1 cell' : `${counted(cells.length, 'cell')} of ${exactSize(width)}`;
}

/** "98,932,688 bytes in 0.09 s, 1.0 GiB/s on 2 cores, 0 of 12 chunks from the cache"; once the answer is exact. */
export function costLine(report: ReportView, style: Style, done: number, caption: Caption): string[] {
  if (!report.exact) return [];
  const { elapsedMs, chunksCached, chunksComputed, bytesRead } = report.work;
  const chunks = chunksCached + chunksComputed;
  const cores = caption.cores ? ` on ${counted(caption.cores, 'core')}` : '';
  const pieces = [`${counted(done, 'byte')} in ${duration(elapsedMs)}`];
  if (bytesRead > 0 && elapsedMs > 0 && done >= rateBytesMin)
    pieces.push(`${size((done / elapsedMs) * 1000)}/s${cores}`);
  if (chunks > 0) pieces.push(`${grouped(chunksCached)} of ${counted(chunks, 'chunk')} from the cache`);
  return [paint(style, 'dim', fill(' ', pieces, ', ', style.columns))];
}

/** "estimates: 1.3 GiB read, 13.3 MiB sampled"; until the answer is exact. */
export function basisLine(report: ReportView, style: Style): string[] {
  if (report.exact) return [];
  const [read, sampled] = ['n', 'sampledBytes'].map((name) => numberOf(report, name) ?? 0) as [number, number];
  const pieces = [`${size(read)} read`, ...(sampled > 0 ? [`${size(sampled)} sampled`] : [])];
  return [paint(style, 'yellow', fill(` ${sampled > 0 ? 'estimates' : 'so far'}: `, pieces, ', ', style.columns))];
}
