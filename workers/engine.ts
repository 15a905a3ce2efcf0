/**
 * Computes one task: opens inputs, reads batches, lets the service compute, folds, and makes the part. Runs in the
 * compute thread; specs call it directly.
 *
 * Rules: the cancel flag is tested and progress told between batches, which are 1 MiB at most and smaller for services
 * that are slow. Every failure comes out as a typed error.
 */
import { checkParams, fieldsOf, type Params, sizeOf } from '../protocol/descriptor.js';
import { BinglideError, fail } from '../protocol/errors.js';
import type { Task, TaskWork } from '../protocol/messages.js';
import { encodePart, type PartFrames } from '../protocol/parts.js';
import { sampleFields } from '../protocol/sample.js';
import { toldBy } from './blame.js';
import { PartBuilder } from './fold.js';
import { Reader } from './reader.js';
import { batchBytesMax, cutBatch, Rows } from './rows.js';
import type { AnyWorker, TaskView } from './service.js';
import { type Roots, Source } from './source.js';
import { Thinning } from './thinning.js';

/** What the engine needs of whoever runs it. */
export interface TaskHost {
  readonly roots: Roots;
  readonly signal: AbortSignal;
  isCancelled(): boolean;
  /** Bytes of the task done so far. */
  progressed(bytesDone: number): void;
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
  /** Read ahead, or free. */
  #others = new Rows(1);
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
    this.#rows.overlapBytes = this.#others.overlapBytes = sizeOf(overlap, params);
    if (this.#rows.overlapBytes > overlapBytesMax) {
      throw fail('E_PARAM', `${service.descriptor.name}: ${overlap} is over ${overlapBytesMax} bytes`);
    }
    if (start < end && (end > this.#common() || start + this.#shift < 0)) {
      throw fail('E_RANGE', `[${start}, ${end}) is not inside the input, which has ${this.#common()} bytes there`);
    }
    this.#reader = new Reader(sources, this.#shift);
    this.#builder = new PartBuilder(service, { start, end, cellBytes, form, params, sampled: kind === 'sample' });
    this.#view = this.#viewOf();
  }

  async run(): Promise<PartFrames> {
    const { service, task, sources, host } = this;
    try {
      // Where reads are slow, runs of a sample are passed over.
      const thinning = new Thinning(task.runs.length, task.readMsMax ?? Infinity);
      for (let i = 0, before = 0; i < task.runs.length; ) {
        const [start, end] = task.runs[i]!;
        this.#builder.runBegins(start);
        await this.#computeRun(start, end);
        this.#builder.runEnded(start, end);
        i = thinning.next(i, this.#readMs() - before);
        before = this.#readMs();
      }
    } finally {
      await this.#reader.idle();
    }
    if (host.isCancelled()) throw cancelled();
    for (const source of sources) source.checkUnchanged();
    const fields = fieldsOf(service.descriptor, task.form);
    return encodePart(task.kind === 'sample' ? [...fields, ...sampleFields] : fields, this.#builder.part());
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
        const rows = this.#rows;
        host.progressed(this.#bytesDone + rows.offset(rows.current) - rows.start);
      },
    };
  }

  async #computeRun(start: number, end: number): Promise<void> {
    const { host } = this;
    if (start < end) this.#cut(this.#rows, start, end);
    for (let at = start; at < end; ) {
      if (host.isCancelled()) throw cancelled();
      await this.#reader.fill(this.#rows);
      this.#rows.current = 0;
      const next = this.#rows.end;
      const readsAhead = next < end && this.#reader.isSlow;
      if (readsAhead) {
        this.#cut(this.#others, next, end);
        this.#reader.begin(this.#others);
      }
      const began = performance.now();
      await this.#computeBatch();
      this.#pace(performance.now() - began);
      this.#bytesDone += next - at;
      at = next;
      host.progressed(this.#bytesDone);
      if (readsAhead) [this.#rows, this.#others] = [this.#others, this.#rows];
      else if (at < end) this.#cut(this.#rows, at, end);
    }
  }

  #cut(rows: Rows, at: number, end: number): void {
    const { service, task } = this;
    const { rowBytes } = service.definition;
    const batchBytes = batchBytesOf.get(service) ?? batchBytesMin;
    // A block is computed in one piece, so its row is never a stretch of it.
    const stretchBytes = task.form === 'whole' ? batchBytesMax : batchBytes;
    cutBatch(at, end, { cellBytes: task.cellBytes, rowBytes, stretchBytes }, batchBytes, rows.edges);
  }

  async #computeBatch(): Promise<void> {
    const { service } = this;
    const out = this.#builder.outs(this.#rows);
    try {
      const pending = service.compute(this.#rows, out, this.#view);
      if (pending) await pending;
      this.#builder.take(this.#rows);
    } catch (error) {
      throw this.#blame(error);
    }
  }

  /** What the service threw, with the place in the input and in the author's file. */
  #blame(error: unknown): unknown {
    const { name } = this.service.descriptor;
    const isOurs = error instanceof BinglideError;
    if (isOurs && error.code !== 'E_SERVICE') return error;
    const offset = `0x${this.#rows.offset(this.#rows.current).toString(16)}`;
    return fail('E_SERVICE', `${name} failed at ${offset}: ${toldBy(error)}`);
  }

  #pace(ms: number): void {
    const bytes = this.#rows.end - this.#rows.start;
    const aim = (bytes / Math.max(ms, 0.01)) * batchMs;
    batchBytesOf.set(this.service, Math.max(batchBytesMin, Math.min(batchBytesMax, aim)));
  }
}

function cancelled(): BinglideError {
  return fail('E_CANCELLED', 'the task was cancelled');
}
