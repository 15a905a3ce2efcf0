/**
 * Computes one task: opens inputs, reads batches, lets the service compute, folds, and makes the part. Runs in the
 * compute thread; specs call it directly.
 *
 * Rules: the cancel flag is tested and progress told between batches, which are 1 MiB at most and smaller for services
 * that are slow. Every failure comes out as a typed error.
 */
import { holeBytesMin } from '../cache/holes.js';
import { checkParams, fieldsOf, type Params, sizeOf } from '../protocol/descriptor.js';
import { BinglideError, fail } from '../protocol/errors.js';
import type { Task, TaskWork } from '../protocol/messages.js';
import { encodePart, type PartFrames } from '../protocol/parts.js';
import { sampleFields } from '../protocol/sample.js';
import { toldBy } from './blame.js';
import { PartBuilder } from './fold.js';
import { Reader } from './reader.js';
import { batchBytesMax, cutRows, type Grid, Rows } from './rows.js';
import type { AnyWorker, TaskView } from './service.js';
import { type FindHoles, type Roots, Source } from './source.js';
import { Thinning } from './thinning.js';

/** What the engine needs of whoever runs it. */
export interface TaskHost {
  readonly roots: Roots;
  readonly signal: AbortSignal;
  isCancelled(): boolean;
  /** Bytes of the task done so far. */
  progressed(bytesDone: number): void;
  /** Absent: holes are read like everything else. */
  readonly findHoles?: FindHoles;
}

export interface TaskResult {
  readonly part: PartFrames;
  readonly work: TaskWork;
}

/** A failed task's error with what it cost. */
export class TaskFailure extends Error {
  constructor(
    readonly error: BinglideError,
    readonly work: TaskWork,
  ) {
    super(error.message, { cause: error });
  }
}

/** A batch is to take about so long, so that a service that is slow need not test the cancel flag itself. */
const batchMs = 20;
const batchBytesMin = 64 << 10;
/** The overlap of a row at the most. */
const overlapBytesMax = 64 << 20;

/** How many bytes of a service's input go by in a batch: measured, kept between tasks. */
const batchBytesOf = new WeakMap<AnyWorker, number>();

/** Rejects with TaskFailure and nothing else. */
export async function runTask(service: AnyWorker, task: Task, host: TaskHost): Promise<TaskResult> {
  const began = performance.now();
  const sources: Source[] = [];
  const work = (): TaskWork => {
    const seekMs = sources.flatMap((source) => source.seekMs ?? []);
    return {
      bytesRead: sources.reduce((sum, source) => sum + source.bytesRead, 0),
      ms: performance.now() - began,
      ...(seekMs.length > 0 && { seekMs: Math.max(...seekMs) }),
    };
  };
  try {
    checkTask(service, task);
    const params = checkParams(service.descriptor, task.params);
    for (const input of task.inputs) sources.push(new Source(input, host.roots));
    const part = await new TaskRun(service, task, params, sources, host).run();
    return { part, work: work() };
  } catch (error) {
    throw new TaskFailure(typed(error, service, task, host), work());
  } finally {
    for (const source of sources) source.close();
  }
}

function checkTask({ descriptor }: AnyWorker, { kind, inputs, runs }: Task): void {
  const bad = (what: string) => fail('E_PROTOCOL', `task of ${descriptor.name}: ${what}`);
  if (inputs.length !== descriptor.inputs) throw bad(`${inputs.length} inputs, not ${descriptor.inputs}`);
  if (runs.length === 0 || (kind === 'exact' && runs.length > 1)) throw bad(`${runs.length} runs`);
  runs.forEach(([start, end], i) => {
    if (end < start || start < (runs[i - 1]?.[1] ?? 0)) throw bad(`run [${start}, ${end}) is not ascending`);
  });
}

function typed(error: unknown, { descriptor }: AnyWorker, task: Task, host: TaskHost): BinglideError {
  const range = [task.runs[0]?.[0] ?? 0, task.runs.at(-1)?.[1] ?? 0] as const;
  const service = descriptor.name;
  if (host.isCancelled()) return fail('E_CANCELLED', 'the task was cancelled', { service });
  if (error instanceof BinglideError) return fail(error.code, error.message, { service, range, ...error.toFault() });
  const { message } = error instanceof Error ? error : { message: String(error) };
  return fail('E_SERVICE', `${service} failed: ${message}`, { service, range });
}

/** One task under way. */
class TaskRun {
  /** The batch under way. */
  #rows = new Rows(0);
  /** Batches that are read ahead, in order, and those that are free. */
  readonly #ahead: Rows[] = [];
  readonly #free: Rows[] = [];
  readonly #reader: Reader;
  readonly #builder: PartBuilder;
  readonly #view: TaskView;
  readonly #shift: number;
  /** Bytes of earlier batches. */
  #bytesDone = 0;

  constructor(
    readonly service: AnyWorker,
    readonly task: Task,
    readonly params: Params,
    readonly sources: readonly Source[],
    readonly host: TaskHost,
  ) {
    const { runs, cellBytes, form, kind } = task;
    const { overlap, shift } = service.descriptor;
    const [start, end] = [runs[0]![0], runs.at(-1)![1]];
    this.#shift = shift === undefined ? 0 : sizeOf(shift, params);
    this.#rows.overlapBytes = sizeOf(overlap, params);
    if (this.#rows.overlapBytes > overlapBytesMax) {
      throw fail('E_PARAM', `${service.descriptor.name}: ${overlap} is over ${overlapBytesMax} bytes`);
    }
    if (start < end && (end > this.#common() || start + this.#shift < 0)) {
      throw fail('E_RANGE', `[${start}, ${end}) is not inside the input, which has ${this.#common()} bytes there`);
    }
    this.#reader = new Reader(sources, this.#shift);
    for (let turn = 1; turn <= this.#reader.aheadMax; turn++) {
      const rows = new Rows(turn);
      rows.overlapBytes = this.#rows.overlapBytes;
      this.#free.push(rows);
    }
    this.#builder = new PartBuilder(service, { start, end, cellBytes, form, params, sampled: kind === 'sample' });
    this.#view = this.#viewOf();
  }

  async run(): Promise<PartFrames> {
    const { service, task, sources, host } = this;
    const isSample = task.kind === 'sample';
    try {
      await (isSample ? this.#computeSample() : this.#computeRange(...task.runs[0]!));
    } finally {
      await this.#reader.idle();
    }
    if (host.isCancelled()) throw cancelled();
    this.#flush();
    for (const source of sources) source.checkUnchanged();
    const fields = fieldsOf(service.descriptor, task.form);
    return encodePart(isSample ? [...fields, ...sampleFields] : fields, this.#builder.part());
  }

  /** The end of what all inputs have, in positions of the first. */
  #common(): number {
    return Math.min(...this.sources.map(({ size }, input) => (input === 0 ? size : size - this.#shift)));
  }

  #readMs(): number {
    let ms = 0;
    for (const source of this.sources) ms += source.readMs;
    return ms;
  }

  #viewOf(): TaskView {
    const { host, task, params, sources } = this;
    return {
      params: params as TaskView['params'],
      form: task.form,
      inputs: sources.map(({ size }) => ({ size })),
      signal: host.signal,
      check: () => {
        if (host.isCancelled()) throw cancelled();
        host.progressed(this.#bytesDone + this.#rows.bytesBefore);
      },
    };
  }

  /** Batches follow each other; where reading is slow, the next ones are read meanwhile. */
  async #computeRange(start: number, end: number): Promise<void> {
    await this.#learnHoles(start, end);
    let at = start;
    while (at < end || this.#ahead.length > 0) {
      if (this.host.isCancelled()) throw cancelled();
      const next = this.#ahead.shift();
      if (next) {
        this.#free.push(this.#rows);
        this.#rows = next;
      } else {
        at = this.#cut(this.#rows, at, end);
      }
      await this.#reader.fill(this.#rows);
      while (at < end && this.#reader.isSlow && this.#free.length > 0) {
        const rows = this.#free.shift()!;
        at = this.#cut(rows, at, end);
        this.#reader.begin(rows);
        this.#ahead.push(rows);
      }
      await this.#computeBatch();
    }
  }

  async #learnHoles(start: number, end: number): Promise<void> {
    const { findHoles } = this.host;
    if (!findHoles || end - start < holeBytesMin) return;
    for (const [input, source] of this.sources.entries()) {
      const shift = input === 0 ? 0 : this.#shift;
      await source.learnHoles(findHoles, start + shift, end + shift);
    }
  }

  /** Gives where the batch ends. */
  #cut(rows: Rows, at: number, end: number): number {
    rows.clear();
    return cutRows(rows, at, { index: 0, end }, this.#grid, this.#batchBytes);
  }

  /** Short runs are read one by one and computed many at once: to call compute for each costs more than the reading. */
  async #computeSample(): Promise<void> {
    const { runs, readMsMax = Infinity } = this.task;
    // Where reads are slow, runs are passed over.
    const thinning = new Thinning(runs.length, readMsMax);
    for (let i = 0, at = runs[0]![0]; i < runs.length; ) {
      if (this.host.isCancelled()) throw cancelled();
      const [, end] = runs[i]!;
      const room = this.#batchBytes - this.#rows.bytes;
      const next = Math.min(end, at + this.#batchBytes);
      const isFull = this.#rows.rows > 0 && (next - at > room || !this.#reader.hasRoom(this.#rows, next - at));
      if (isFull) await this.#computeGathered();
      const first = this.#rows.rows;
      const readMs = this.#readMs();
      at = cutRows(this.#rows, at, { index: i, end }, this.#grid, next - at);
      if (this.#rows.rows > first) this.#reader.gather(this.#rows, first);
      if (at < end) continue;
      i = thinning.next(i, this.#readMs() - readMs);
      at = runs[i]?.[0] ?? 0;
    }
    await this.#computeGathered();
  }

  async #computeGathered(): Promise<void> {
    if (this.#rows.rows > 0) await this.#computeBatch();
    this.#rows.clear();
  }

  get #grid(): Grid {
    const { rowBytes } = this.service.definition;
    // A block is computed in one piece, so its row is never a stretch of it.
    const stretchBytes = this.task.form === 'whole' ? batchBytesMax : this.#batchBytes;
    return { cellBytes: this.task.cellBytes, rowBytes, stretchBytes };
  }

  get #batchBytes(): number {
    return batchBytesOf.get(this.service) ?? batchBytesMin;
  }

  async #computeBatch(): Promise<void> {
    const { service, host } = this;
    const rows = this.#rows;
    const began = performance.now();
    rows.current = 0;
    const out = this.#builder.outs(rows);
    try {
      const pending = service.compute(rows, out, this.#view);
      if (pending) await pending;
      this.#builder.take(rows);
    } catch (error) {
      throw this.#blame(error, `at 0x${rows.offset(rows.current).toString(16)}`);
    }
    this.#pace(performance.now() - began);
    this.#bytesDone += rows.bytes;
    host.progressed(this.#bytesDone);
  }

  #flush(): void {
    const none = new Rows(0);
    const out = this.#builder.outs(none);
    const whole = this.service.fields.filter(({ spec }) => !spec.cells).map(({ spec }) => [spec.name, out[spec.name]]);
    try {
      const pending: unknown = this.service.flush(Object.fromEntries(whole), this.#view);
      if (pending instanceof Promise) throw new Error('flush is asynchronous; what it would add comes too late');
      this.#builder.take(none);
    } catch (error) {
      throw this.#blame(error, 'as it ended');
    }
  }

  /** What the service threw, with the place in the input and in the author's file. */
  #blame(error: unknown, where: string): unknown {
    const { name } = this.service.descriptor;
    const isOurs = error instanceof BinglideError;
    if (isOurs && error.code !== 'E_SERVICE') return error;
    return fail('E_SERVICE', `${name} failed ${where}: ${toldBy(error)}`);
  }

  #pace(ms: number): void {
    const aim = (this.#rows.bytes / Math.max(ms, 0.01)) * batchMs;
    batchBytesOf.set(this.service, Math.max(batchBytesMin, Math.min(batchBytesMax, aim)));
  }
}

function cancelled(): BinglideError {
  return fail('E_CANCELLED', 'the task was cancelled');
}
