/**
 * A worker program that uses nothing of ours but the wire's words: RAW counts bytes by their upper two bits, and pairs of
 * equal neighbours. It is well as it stands; each fault makes it do one thing wrong.
 */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Dealer, Subscriber } from 'zeromq';
import { sameIdentity, statIdentity } from '../../../cache/identity.js';
import { cellBounds, cellCount, type Part } from '../../../protocol/algebra.js';
import { unpackMap } from '../../../protocol/codec.js';
import { type Descriptor, fieldsOf } from '../../../protocol/descriptor.js';
import { encodeFromWorker } from '../../../protocol/encode.js';
import { BinglideError, fail } from '../../../protocol/errors.js';
import { workerCommand as command, text } from '../../../protocol/frames.js';
import type { Attempt, Epoch, SlotId } from '../../../protocol/ids.js';
import type { FromWorker, Task } from '../../../protocol/messages.js';
import { encodePart, type PartFrames } from '../../../protocol/parts.js';
import { sampleFields } from '../../../protocol/sample.js';

export interface Faults {
  /** Where the worker, or the program, ends. */
  readonly diesAt?: 'start' | 'describe' | 'empty';
  readonly describe?: (descriptor: Descriptor) => unknown;
  /** Before the part is encoded. */
  readonly part?: (columns: Columns, task: Task) => void;
  /** Before it is sent. */
  readonly frames?: (part: PartFrames, task: Task) => PartFrames;
  readonly ignores?: 'identity' | 'ends' | 'roots' | 'cancel' | 'liveness' | 'samples';
  /** What long tasks do. */
  readonly spins?: true;
  readonly answersCancelTwice?: true;
  /** What `--bare` says of every piece. */
  readonly bareMs?: number;
}

export type Columns = { readonly [name: string]: Float64Array };

const stepBytes = 2 ** 20;
const descriptor: Descriptor = {
  name: 'RAW',
  version: 1,
  inputs: 1,
  help: '',
  params: [{ name: 'least', type: 'int', default: 0, min: 0, max: 255, help: 'bytes below it do not count' }],
  overlap: 1,
  cached: true,
  fields: [
    { name: 'counts', dtype: 'u8', shape: [4], merge: 'sum', cells: true, perByteMax: 1 },
    { name: 'pairs', dtype: 'u8', merge: 'sum', cells: false },
  ],
  report: [{ name: 'pairs', of: 'pairs', finish: 'value', scope: 'whole' }],
};

interface Held {
  readonly attempt: Attempt;
  readonly epoch: Epoch;
  readonly jobId: string;
  readonly task: Task;
  isCancelled: boolean;
  bytesDone: number;
}

export function rawWorker(faults: Faults = {}): void {
  const { values } = parseArgs({
    strict: false,
    options: { broker: { type: 'string' }, slot: { type: 'string' }, root: { type: 'string', multiple: true } },
  });
  const has = (flag: string) => process.argv.includes(flag);
  if (has('--describe')) {
    if (faults.diesAt === 'describe') throw new Error('no such luck');
    process.stdout.write(`${JSON.stringify(faults.describe?.(descriptor) ?? descriptor)}\n`);
  } else if (has('--bare')) {
    process.stdout.write(`${JSON.stringify({ pieces: 1, bytes: 2 ** 23, ms: [faults.bareMs ?? 1000] })}\n`);
  } else {
    if (faults.diesAt === 'start') {
      process.stderr.write('the disk of tables is not there\n');
      process.exit(3);
    }
    process.stdin.on('end', () => process.exit(0)).resume();
    const roots = (values.root ?? []).map((root) => realpathSync(String(root)));
    void new RawWorker(faults, String(values.broker), String(values.slot) as SlotId, roots).run();
  }
}

class RawWorker {
  readonly #socket = new Dealer({ linger: 0 });
  readonly #cancels = new Subscriber({ linger: 0 });
  readonly #queue: Held[] = [];
  #running: Held | null = null;
  #sending: Promise<unknown> = Promise.resolve();

  constructor(
    readonly faults: Faults,
    readonly broker: string,
    readonly slot: SlotId,
    readonly roots: readonly string[],
  ) {}

  async run(): Promise<void> {
    this.#socket.connect(this.broker);
    this.#send({ kind: 'ready', descriptor, slot: this.slot, credit: 3 });
    for await (const [, kind, body] of this.#socket) this.#take(kind![0]!, body);
  }

  #take(kind: number, body: Uint8Array | undefined): void {
    if (kind === command.WELCOME) {
      const { heartbeatMs, cancelEndpoint } = unpackMap(body!) as { heartbeatMs: number; cancelEndpoint: string };
      if (this.faults.ignores !== 'liveness') setInterval(() => this.#beat(), heartbeatMs);
      this.#cancels.connect(cancelEndpoint);
      this.#cancels.subscribe('cancel');
      void this.#hear();
    } else if (kind === command.REQUEST) {
      this.#queue.push({ ...(unpackMap(body!) as unknown as Held), isCancelled: false, bytesDone: 0 });
      if (!this.#running) void this.#work();
    } else if (kind === command.CANCEL) {
      this.#cancel((unpackMap(body!) as { jobId: string }).jobId);
    }
  }

  async #hear(): Promise<void> {
    for await (const [, jobId] of this.#cancels) this.#cancel(text(jobId!));
  }

  #cancel(jobId: string): void {
    if (this.faults.ignores === 'cancel') return;
    for (const held of [this.#running, ...this.#queue]) if (held?.jobId === jobId) held.isCancelled = true;
  }

  async #work(): Promise<void> {
    for (let held = this.#queue.shift(); held; held = this.#queue.shift()) {
      this.#running = held;
      await this.#answer(held);
    }
    this.#running = null;
  }

  async #answer(held: Held): Promise<void> {
    const { attempt, epoch } = held;
    const work = { bytesRead: 0, ms: 0 };
    try {
      const part = await this.#compute(held);
      this.#send({ kind: 'taskFinal', attempt, epoch, part, work });
    } catch (error) {
      const fault = error instanceof BinglideError ? error.toFault() : fail('E_SERVICE', String(error)).toFault();
      this.#send({ kind: 'taskError', attempt, epoch, fault, work });
      if (fault.code === 'E_CANCELLED' && this.faults.answersCancelTwice) {
        this.#send({ kind: 'taskError', attempt, epoch, fault, work });
      }
    }
  }

  async #compute(held: Held): Promise<PartFrames> {
    const { task } = held;
    const { faults } = this;
    const [start, end] = [task.runs[0]![0], task.runs.at(-1)![1]];
    if (start === end && faults.diesAt === 'empty') process.exit(3);
    const file = this.#open(task);
    try {
      const part = emptyPart({ start, end, cellBytes: task.cellBytes });
      for (const run of task.runs) await this.#count(held, file, part, run);
      this.#compare(file, task);
      const fields = fieldsOf(descriptor, task.form);
      faults.part?.(part.columns, task);
      const frames = encodePart(task.kind === 'sample' ? [...fields, ...sampleFields] : fields, part);
      return faults.frames?.(frames, task) ?? frames;
    } finally {
      closeSync(file);
    }
  }

  #open(task: Task): number {
    const { ignores } = this.faults;
    if (task.kind === 'sample' && ignores === 'samples') throw fail('E_PROTOCOL', 'RAW takes no samples');
    const path = text(task.inputs[0]!.path);
    let real: string;
    try {
      real = realpathSync(path);
    } catch {
      throw fail('E_NOT_FOUND', `${path}: no such file`);
    }
    if (ignores !== 'roots' && !this.roots.some((root) => real === root || real.startsWith(`${root}/`))) {
      throw fail('E_OUTSIDE_ROOTS', `${path} is outside the roots`);
    }
    const file = openSync(real, 'r');
    if (fstatSync(file).isDirectory()) throw fail('E_DIRECTORY', `${path} is a folder`);
    this.#compare(file, task);
    return file;
  }

  #compare(file: number, { inputs }: Task): void {
    if (this.faults.ignores === 'identity') return;
    const now = statIdentity(fstatSync(file, { bigint: true }));
    if (!sameIdentity(now, inputs[0]!.identity)) throw fail('E_CHANGED', 'the file changed');
  }

  async #count(held: Held, file: number, part: Part, [start, end]: readonly [number, number]): Promise<void> {
    if (end - start > 2 ** 25 && this.faults.spins) spin();
    for (let at = start; at < end; at += stepBytes) {
      await nextTurn();
      if (held.isCancelled) throw fail('E_CANCELLED', 'cancelled');
      const own = Math.min(stepBytes, end - at);
      const bytes = Buffer.alloc(own + 1);
      const got = readSync(file, bytes, 0, own + 1, at);
      if (got < own && this.faults.ignores !== 'ends') throw fail('E_CHANGED', 'the file shrank');
      countBytes(part, bytes.subarray(0, got), at, own, Number(held.task.params.least));
      held.bytesDone += own;
    }
    const { n } = part.columns;
    if (start < end) n![part.cellBytes === 0 ? 0 : cellOf(part, start)]! += end - start;
  }

  #beat(): void {
    const running = this.#running;
    this.#send({
      kind: 'workerHeartbeat',
      ...(running && { attempt: running.attempt, bytesDone: running.bytesDone }),
    });
  }

  #send(message: FromWorker): void {
    const frames = encodeFromWorker(message) as Buffer[];
    this.#sending = this.#sending.then(() => this.#socket.send(frames));
  }
}

/** Longer than anybody waits; not for ever, since nothing but a signal ends it before. */
function spin(): void {
  for (const until = Date.now() + 30_000; Date.now() < until; );
}

const cellOf = ({ start, cellBytes }: Part, offset: number): number =>
  Math.floor(offset / cellBytes) - Math.floor(start / cellBytes);

function emptyPart(span: { readonly start: number; readonly end: number; readonly cellBytes: number }): Part {
  const cells = cellCount(span);
  return {
    ...span,
    columns: {
      counts: new Float64Array(4 * cells),
      pairs: new Float64Array(1),
      n: new Float64Array(cells),
      lo: new Float64Array(cells).fill(NaN),
      hi: new Float64Array(cells).fill(NaN),
    },
  };
}

/** `bytes` has the `own` bytes at `at`, and one more where the file goes on. */
function countBytes(part: Part, bytes: Uint8Array, at: number, own: number, least: number): void {
  const { counts, pairs } = part.columns;
  for (let i = 0, cell = -1, next = 0; i < own; i++) {
    if (cell < 0 || at + i >= next) {
      cell = part.cellBytes === 0 ? 0 : cellOf(part, at + i);
      next = cellBounds(part, cell)[1];
    }
    const byte = bytes[i]!;
    if (byte >= least) counts![4 * cell + (byte >> 6)]!++;
    if (i + 1 < bytes.length && byte === bytes[i + 1]) pairs![0]!++;
  }
}
