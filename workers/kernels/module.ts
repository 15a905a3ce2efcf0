/**
 * The kernels' WebAssembly module: loads it once, when the first task reads, and owns its memory. A kernel runs in the
 * module where its input lies in the module's memory, and as its TypeScript twin anywhere else; so it does where the
 * module is not there, or BINGLIDE_NO_WASM is set.
 *
 * Rules: the memory never grows, so that views of it stay good. One thread has one module; it holds nothing between
 * calls but tables that the kernels clear.
 */
import { readFileSync } from 'node:fs';
import { entropyTable } from '../../protocol/entropy.js';

/** As much of it as is used; the compiler's library for Node does not know it. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** What assembly/index.ts exports; `At` gives a place in the memory. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  inputsAt(): number;
  countsAt(): number;
  addHistogram(at: number, length: number): void;
  pieceCountsAt(): number;
  totalCountsAt(): number;
  extremesAt(): number;
  tableAt(): number;
  takeTable(from: number, to: number): void;
  addLeaves(at: number, length: number, head: number, ends: boolean): void;
  takeBlock(n: number): number;
  blocksAt(): number;
  blocksMax(): number;
  addBlocks(at: number, n: number, count: number, phase: number): void;
  classesAt(): number;
  addClasses(at: number, length: number): void;
  digramsAt(): number;
  clearDigrams(): void;
  addDigrams(at: number, pairs: number): void;
  sumDigrams(): void;
  productsAt(): number;
  addProducts(at: number, pairs: number): void;
  addCircle(at: number, groups: number): number;
  xorAt(): number;
  intervalsAt(): number;
  intervalsMax(): number;
  stateAt(): number;
  beginDifference(length: number, gap: number): void;
  addDifference(a: number, b: number, at: number): number;
  endDifference(): void;
  batchRowsAt(): number;
  batchRowsMax(): number;
  cellRowsAt(): number;
  cellRowsMax(): number;
  logsAt(): number;
  countsMax(): number;
  sumsAt(): number;
  addCounts(target: number, counts: number): void;
  leaveOneOut(rows: number, m: number): void;
}

/** Bytes that an input's buffer has: the longest batch, where it begins in a page, and a page of overlap. */
export const inputBytes = (1 << 20) + 2 * 4096;
/** Kernels may read so far past their input. */
const slackBytes = 4096;

export class KernelModule {
  readonly run: Exports;
  readonly counts: Uint32Array;
  readonly pieceCounts: Uint32Array;
  readonly totalCounts: Uint32Array;
  readonly extremes: Int32Array;
  /** Of blocks: each one's Q, its lowest leaf's and its highest leaf's. */
  readonly blocks: readonly Int32Array[];
  readonly classes: Uint32Array;
  readonly digrams: Uint32Array;
  readonly products: Uint32Array;
  readonly xor: Uint32Array;
  readonly intervals: Int32Array;
  readonly state: Int32Array;
  /** Rows of a batch's runs, and of one cell's. */
  readonly batchRows: Float64Array;
  readonly cellRows: Float64Array;
  /** c·log2 c, filled by whoever needs them. */
  readonly logs: Float64Array;
  readonly sums: Float64Array;
  readonly inputs: readonly Uint8Array[];
  /** T[0…] is there so far. */
  #tableLength = 0;

  constructor(code: Uint8Array) {
    this.run = new WebAssembly.Instance(new WebAssembly.Module(code), {}).exports as Exports;
    const { run } = this;
    const { buffer } = run.memory;
    this.counts = new Uint32Array(buffer, run.countsAt(), 256);
    this.pieceCounts = new Uint32Array(buffer, run.pieceCountsAt(), 256);
    this.totalCounts = new Uint32Array(buffer, run.totalCountsAt(), 256);
    this.blocks = [0, 1, 2].map(
      (i) => new Int32Array(buffer, run.blocksAt() + 4 * i * run.blocksMax(), run.blocksMax()),
    );
    this.extremes = new Int32Array(buffer, run.extremesAt(), 2);
    this.classes = new Uint32Array(buffer, run.classesAt(), 6);
    this.digrams = new Uint32Array(buffer, run.digramsAt(), 65_536);
    this.products = new Uint32Array(buffer, run.productsAt(), 2);
    this.xor = new Uint32Array(buffer, run.xorAt(), 256);
    this.intervals = new Int32Array(buffer, run.intervalsAt(), 3 * run.intervalsMax());
    this.state = new Int32Array(buffer, run.stateAt(), 8);
    this.batchRows = new Float64Array(buffer, run.batchRowsAt(), 256 * run.batchRowsMax());
    this.cellRows = new Float64Array(buffer, run.cellRowsAt(), 256 * run.cellRowsMax());
    this.logs = new Float64Array(buffer, run.logsAt(), run.countsMax() + 1);
    this.sums = new Float64Array(buffer, run.sumsAt(), 2 + 2 * run.cellRowsMax());
    this.inputs = [0, 1, 2, 3].map(
      (i) => new Uint8Array(buffer, run.inputsAt() + i * (inputBytes + slackBytes), inputBytes),
    );
  }

  /** Makes T[0…n] known to the module. */
  needTable(n: number): void {
    if (n < this.#tableLength) return;
    const from = this.#tableLength;
    const table = entropyTable(n);
    new Float64Array(this.run.memory.buffer, this.run.tableAt(), table.length).set(table.subarray(from), from);
    this.run.takeTable(from, table.length);
    this.#tableLength = table.length;
  }
}

/** Undefined: not tried yet; null: there is none. */
let loaded: KernelModule | null | undefined;

/** The module, or null where it is not there or not wanted. */
export function kernelModule(): KernelModule | null {
  if (loaded === undefined) loaded = process.env.BINGLIDE_NO_WASM ? null : load();
  return loaded;
}

function load(): KernelModule | null {
  try {
    return new KernelModule(readFileSync(new URL('./kernels.wasm', import.meta.url)));
  } catch {
    // A tree that was built without it, or a processor without SIMD: slower, and the same numbers.
    return null;
  }
}

/** Buffer number `index` (of an input and a turn) in the module's memory, if `length` bytes fit there, or null. */
export function moduleBuffer(index: number, length: number): Uint8Array | null {
  return length <= inputBytes ? (kernelModule()?.inputs[index] ?? null) : null;
}

/** The module where these bytes, or numbers, lie in its memory; else the twin's turn has come. */
export function moduleOf(bytes: Uint8Array | Float64Array): KernelModule | null {
  return loaded && bytes.buffer === loaded.run.memory.buffer ? loaded : null;
}
