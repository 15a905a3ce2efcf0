/**
 * What a task costs beside the author's function alone, which the program itself measures with `--bare`. It is told and
 * never a failure: a shared machine is slow when it likes.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { size } from '../../cli/units.js';
import type { Lab } from '../lab.js';
import { CheckFailure, doesNotApply, ok, type Verdict } from '../verdict.js';

const pieceBytes = 8 * 2 ** 20;
const piecesMax = 4;
const rounds = 3;
/** A slow service’s pieces are asked for once. */
const roundsMsMax = 4000;
/** A task usually takes at most so many times what the bare function takes, and the reading. */
const ratioMax = 2;
const bareMsMax = 60_000;

interface Bare {
  readonly pieces: number;
  readonly bytes: number;
  readonly ms: readonly number[];
}

export async function checkSpeed(lab: Lab): Promise<Verdict> {
  const { inputs, rangeBytesMax = Infinity } = lab.descriptor;
  if (inputs === 2) return doesNotApply('--bare takes one file');
  const [first, last] = lab.range();
  if (last === first) return doesNotApply('the file is empty');
  const bytes = Math.min(pieceBytes, last - first, rangeBytesMax);
  const cellBytes = lab.grid().widths[0]!;
  const bare = await bareTimes(lab, bytes, cellBytes);
  const pieces = Math.max(1, Math.min(piecesMax, Math.floor((last - first) / bytes)));
  const taskMs: number[] = [];
  const began = performance.now();
  for (let i = 0; i < rounds * pieces && (i < pieces || performance.now() - began < roundsMsMax); i++) {
    const start = first + (i % pieces) * bytes;
    taskMs.push((await lab.sent({ start, end: start + bytes })).ms);
  }
  // What disturbs only ever adds.
  const [task, alone, reading] = [Math.min(...taskMs), Math.min(...bare.ms), readMs(lab.files[0]!, first, bytes)];
  const what = `${ms(task)} a task of ${size(bytes)}, ${ms(alone)} bare: ${(task / Math.max(alone, 0.001)).toFixed(1)} times`;
  if (bytes < pieceBytes) return ok(`${what}\nnote: told only; what is judged are pieces of ${size(pieceBytes)}`);
  if (task <= ratioMax * alone + reading) return ok(`${what} (reading takes ${ms(reading)})`);
  return ok(
    `slow: ${what}; at most ${ratioMax} times and ${ms(reading)} for reading are usual\nhint: if that stays so, rows are ` +
      'short, so that calls cost more than their work (a larger row), or the part is large (smaller dtypes, perByteMax)',
  );
}

const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

async function bareTimes(lab: Lab, bytes: number, cellBytes: number): Promise<Bare> {
  const args = ['--bare', lab.files[0]!, '--piece-bytes', String(bytes), '--params', JSON.stringify(lab.params)];
  if (cellBytes > 0) args.push('--cell-bytes', String(cellBytes));
  const { how, said, complained } = await lab.target.print(args, bareMsMax);
  const bare = bareOf(said);
  if (bare) return bare;
  const last = complained.trim().split('\n').at(-1);
  throw new CheckFailure(
    `--bare did not tell its times (${how}${last ? `: ${last}` : ''})`,
    '`--bare FILE` prints {"pieces": n, "bytes": b, "ms": […]} as one line of JSON and ends with 0',
  );
}

function bareOf(said: string): Bare | null {
  try {
    const bare = JSON.parse(said.trim().split('\n').at(-1) ?? '') as Bare;
    return Array.isArray(bare.ms) && bare.ms.length > 0 && bare.ms.every((it) => Number.isFinite(it)) ? bare : null;
  } catch {
    return null;
  }
}

/** What the system takes to hand out as many bytes. */
function readMs(path: string, start: number, bytes: number): number {
  const buffer = Buffer.alloc(bytes);
  const file = openSync(path, 'r');
  try {
    const times = Array.from({ length: rounds }, () => {
      const began = performance.now();
      readSync(file, buffer, 0, bytes, start);
      return performance.now() - began;
    });
    return Math.min(...times);
  } finally {
    closeSync(file);
  }
}
