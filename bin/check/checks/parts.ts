/** The parts of exact tasks: that they are there, are the same each time, and that any split folds to the whole. */
import { cellCount, identityOf, indexOf, type Part, shapeWidth } from '../../../protocol/algebra.js';
import { type Descriptor, type FieldSpec, fieldsOf } from '../../../protocol/descriptor.js';
import { decodeNpy } from '../../../protocol/npy.js';
import { restDtype } from '../../../protocol/parts.js';
import { counted, duration, hexRange, size } from '../../cli/units.js';
import { firstDifference, splitHint } from '../difference.js';
import { type Asked, inputOf, type Lab, spanOf } from '../lab.js';
import type { Random } from '../random.js';
import { CheckFailure, ok, type Verdict } from '../verdict.js';

const splits = 24;
/** All splits together take about so long, so a slow service's are shorter. */
const splitsMs = 8000;
const splitBytesMax = 2 ** 19;
const splitBytesMin = 2 ** 14;
/** Where a broker cuts: what min and max say of blocks that a cut goes through never matters. */
const blockBytes = 4096;

export async function checkWhole(lab: Lab): Promise<Verdict> {
  const [start, end] = lab.usual();
  const asked = { start, end };
  const { part, ms } = await lab.sent(asked);
  lab.decoded(asked, part);
  lab.computes = true;
  if (end > start) lab.msPerByte = ms / (end - start);
  const notes = notesOn(lab, asked, part);
  const arrays = part.arrays.map((name, i) => `${name} ${dtypeOf(part.frames[i]!)}`).join(', ');
  return ok([`${hexRange(start, end)} in ${duration(ms)}: ${arrays}`, ...notes].join('\n'));
}

function dtypeOf(frame: Uint8Array): string {
  const { dtype, shape } = decodeNpy(frame);
  return `${dtype} (${shape.join(', ')})`;
}

/** What readers take and writers should not send. */
function notesOn(
  lab: Lab,
  asked: Asked,
  { arrays, frames }: { arrays: readonly string[]; frames: readonly Uint8Array[] },
) {
  const span = spanOf(lab.task(asked));
  return lab.fields(asked).flatMap((field) => {
    if (field.merge === 'concat') return [];
    const { dtype, shape } = decodeNpy(frames[arrays.indexOf(field.name)]!);
    const [wanted, rows] = [restDtype(field, span), field.cells ? cellCount(span) : 1];
    return [
      ...(dtype === wanted
        ? []
        : [`note: ${field.name} came as ${dtype}, which is taken; ${wanted} is what it rests in`]),
      ...(shape[0] === rows
        ? []
        : [`note: ${field.name} has the shape (${shape}); its first dimension should be ${rows} rows`]),
    ];
  });
}

export async function checkRepeat(lab: Lab): Promise<Verdict> {
  const [start, end] = lab.usual();
  const asked = { start, end };
  const other = { start: start + Math.floor((end - start) / 3), end };
  const began = performance.now();
  const first = (await lab.sent(asked)).part;
  // Whatever a task leaves behind is not to be seen by the next.
  await lab.sent(other);
  const again = await lab.sent(asked);
  if (end > start) lab.msPerByte = again.ms / (end - start);
  const difference = firstDifference(lab.fields(asked), lab.decoded(asked, first), lab.decoded(asked, again.part));
  if (difference) {
    throw new CheckFailure(`${lab.where(asked)}, asked twice: ${difference.what}`, repeatHint(lab.descriptor));
  }
  const same = first.frames.every((frame, i) => Buffer.compare(frame, again.part.frames[i]!) === 0);
  if (!same || first.arrays.join() !== again.part.arrays.join()) {
    throw new CheckFailure(
      `${lab.where(asked)}, asked twice: equal numbers in other frames, ${first.arrays.join(', ')}`,
    );
  }
  const bytes = first.frames.reduce((sum, frame) => sum + frame.length, 0);
  return ok(`the same ${size(bytes)} twice, with another task between, in ${duration(performance.now() - began)}`);
}

function repeatHint({ overlap }: Descriptor): string {
  const rows =
    overlap === 0 ? 'a row begins or ends' : 'a row ends: count what begins in its own bytes, not in the overlap';
  return (
    'a part may depend on nothing but bytes, offsets and parameters: no clock, no random number, nothing kept from ' +
    `other tasks, nor on where ${rows} (rows may be longer the next time)`
  );
}

export async function checkSplits(lab: Lab): Promise<Verdict> {
  const random = lab.random('splits');
  const { form, widths } = lab.grid();
  const bytes = Math.min(splitBytesMax, Math.max(splitBytesMin, splitsMs / splits / 2 / lab.msPerByte));
  const notes = new Set<string>();
  for (let i = 0; i < splits; i++) {
    const cellBytes = widths[i % widths.length]!;
    // A cell of form whole is computed in one piece.
    const isAligned = form === 'whole' || i % 2 === 0;
    const split = randomSplit(lab, random, { bytes, cellBytes, isAligned });
    const what = `split ${i + 1} of ${splits} (${isAligned ? 'at cells' : 'anywhere'})`;
    const note = await checkSplit(lab, split, what, isAligned);
    if (note !== null) notes.add(note);
  }
  const cells = widths[0] === 0 ? '' : `, cells of ${widths.join(', ')}`;
  return ok([`${splits} splits of up to ${size(bytes)}${cells}, seed ${lab.seed}`, ...notes].join('\n'));
}

interface Split extends Asked {
  readonly cellBytes: number;
  readonly cuts: readonly number[];
}

/** A piece of the range with one to six cuts in it, and often the range's own ends. */
function randomSplit(
  lab: Lab,
  random: Random,
  { bytes, cellBytes, isAligned }: { readonly bytes: number; readonly cellBytes: number; readonly isAligned: boolean },
): Split {
  const [first, last] = lab.range();
  const unit = cellBytes || blockBytes;
  const length = Math.min(last - first, random.int(Math.ceil(bytes / 4), Math.max(bytes, 3 * unit)));
  const start = random.int(0, 3) === 0 ? first : random.int(first, last - length);
  const end = random.int(0, 3) === 0 && last - start <= 2 * bytes ? last : start + length;
  const at = (offset: number) => (isAligned ? Math.ceil(offset / unit) * unit : offset);
  const cuts = Array.from({ length: random.int(1, 6) }, () => at(random.int(start, end)));
  return {
    start,
    end,
    cellBytes,
    cuts: [...new Set(cuts)].filter((cut) => cut > start && cut < end).sort((a, b) => a - b),
  };
}

/** Folded equals whole, or throws. The note: min or max differed where only blocks that were cut can be the cause. */
async function checkSplit(lab: Lab, split: Split, what: string, isAligned: boolean): Promise<string | null> {
  const { cuts, ...asked } = split;
  const whole = await lab.part(asked);
  const edges = [asked.start, ...cuts, asked.end];
  const pieces = edges.slice(1).map((end, i) => ({ ...asked, start: edges[i]!, end }));
  const folded = lab.folded(asked, await lab.parts(pieces));
  const fields = lab.fields(asked);
  const isOfBlocks = (field: FieldSpec) => !isAligned && (field.merge === 'min' || field.merge === 'max');
  const difference = firstDifference(
    fields.filter((field) => !isOfBlocks(field)),
    whole,
    folded,
  );
  if (difference) {
    throw new CheckFailure(
      `${what}: ${difference.what}\n${lab.where(asked)}; cut at ${cuts.map(hex).join(' ')}; --seed ${lab.seed} repeats it`,
      splitHint(difference, lab.descriptor),
    );
  }
  const tolerated = firstDifference(fields.filter(isOfBlocks), whole, folded);
  if (!tolerated) return null;
  const { name, merge } = tolerated.field;
  return `note: ${name} (${merge}) folds on multiples of ${blockBytes} only, which is where a broker cuts`;
}

const hex = (offset: number): string => `0x${offset.toString(16)}`;

export async function checkTails(lab: Lab): Promise<Verdict> {
  const { form, widths } = lab.grid();
  const cellBytes = widths.at(-1)!;
  const [first, last] = lab.range();
  if (form === 'whole') return checkWholeTails(lab, cellBytes);
  const lengths = [1, 2, 3, 17, 1, 255, 4095, 4097];
  const bytes = lengths.reduce((sum, length) => sum + length, 0);
  const places = [
    { what: 'short runs at the file’s start', start: first, end: Math.min(last, first + bytes), lengths },
    { what: 'short runs off the rows', ...offRows(first, last, bytes), lengths },
    {
      what: 'short runs at the file’s end',
      start: Math.max(first, last - bytes),
      end: last,
      lengths: lengths.toReversed(),
    },
  ];
  const notes = new Set<string>();
  for (const { what, start, end, lengths: runs } of places) {
    const cuts: number[] = [];
    for (let at = start, i = 0; i < runs.length - 1 && at + runs[i]! < end; i++) cuts.push((at += runs[i]!));
    const note = await checkSplit(lab, { start, end, cellBytes, cuts }, what, false);
    if (note !== null) notes.add(note);
  }
  return ok(
    [`runs of ${[...new Set(lengths)].join(', ')} bytes at the start, in the middle, at the end`, ...notes].join('\n'),
  );
}

function offRows(first: number, last: number, bytes: number): { readonly start: number; readonly end: number } {
  const start = Math.min(last, Math.floor((first + last) / 2) | 1);
  return { start, end: Math.min(last, start + bytes) };
}

/** Blocks are not cut: the last one is short. */
async function checkWholeTails(lab: Lab, cellBytes: number): Promise<Verdict> {
  const [first, last] = lab.range();
  const start = Math.max(first, (Math.floor(last / cellBytes) - 3) * cellBytes);
  const cut = Math.floor(last / cellBytes) * cellBytes;
  await checkSplit(
    lab,
    { start, end: last, cellBytes, cuts: cut > start && cut < last ? [cut] : [] },
    'the last block',
    true,
  );
  return ok(`the last block, of ${counted(last - cut, 'byte')}`);
}

export async function checkEmpty(lab: Lab): Promise<Verdict> {
  const empty = inputOf(lab.material.write('empty.bin', ''));
  const [first, last] = lab.range();
  const cases: Asked[] = [first, Math.floor((first + last) / 2), last].flatMap((at) =>
    lab
      .grid()
      .widths.slice(0, 1)
      .map((cellBytes) => ({ start: at, end: at, cellBytes })),
  );
  cases.push({ start: 0, end: 0, inputs: lab.files.map(() => empty) });
  if (lab.grid().form === 'summed') cases.push({ start: last, end: last, cellBytes: 0 });
  for (const asked of cases) {
    const name = asked.inputs ? 'an empty file' : 'an empty run';
    try {
      checkIdentities(lab, asked, await lab.part(asked));
    } catch (error) {
      if (!(error instanceof CheckFailure)) throw error;
      throw new CheckFailure(
        `${name}: ${error.what}`,
        error.hint ??
          'nothing is read and compute need not be called: the part holds no cells, and identities elsewhere',
      );
    }
  }
  return ok(`${counted(cases.length - 1, 'empty run')} and an empty file`);
}

function checkIdentities(lab: Lab, asked: Asked, part: Part): void {
  for (const field of fieldsOf(lab.descriptor, lab.grid().form)) {
    const column = part.columns[field.merge === 'concat' ? indexOf(field) : field.name]!;
    const rows = field.cells ? cellCount(part) : 1;
    if (field.shape && field.merge !== 'concat' && column.length !== rows * shapeWidth(field, lab.params)) {
      throw new CheckFailure(`field ${field.name} has ${column.length} numbers`).at(lab.where(asked));
    }
    const identity = identityOf(field);
    const at = column.findIndex((number) => number !== identity && !(Number.isNaN(identity) && Number.isNaN(number)));
    if (at < 0) continue;
    throw new CheckFailure(
      `field ${field.name}, number ${at}: wanted ${identity}, got ${column[at]}`,
      `${identity} is the identity of ${field.merge}: folding it with anything changes nothing`,
    ).at(lab.where(asked));
  }
}
