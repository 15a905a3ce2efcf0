/**
 * What every check works with: the service's descriptor, its parameters and files, and questions in a task's words.
 * Answers are decoded and judged here, so that a check sees a part, or fails with the place and the way to repeat it.
 */
import { statSync } from 'node:fs';
import { statIdentity } from '../../cache/identity.js';
import { cellCount, gather, type Part, runWidth, type Span } from '../../protocol/algebra.js';
import {
  type Descriptor,
  type FieldSpec,
  type Form,
  fieldsOf,
  hasCells,
  type Params,
  sizeOf,
  wholeBlockBytesMax,
} from '../../protocol/descriptor.js';
import { encodeToWorker } from '../../protocol/encode.js';
import type { Fault } from '../../protocol/errors.js';
import type { Task, TaskInput, TaskWork } from '../../protocol/messages.js';
import { decodePart, type PartFrames } from '../../protocol/parts.js';
import { sampleFields } from '../../protocol/sample.js';
import { counted, hexRange } from '../cli/units.js';
import type { Answer, TaskFrames } from './broker.js';
import type { Material } from './material.js';
import { Random } from './random.js';
import type { Target } from './target.js';
import { CheckFailure } from './verdict.js';

/** One task, in the words of a check; what is left out is the usual. */
export interface Asked {
  readonly start: number;
  readonly end: number;
  readonly cellBytes?: number;
  readonly form?: Form;
  readonly params?: Params;
  /** A sample, of these runs; start and end are theirs. */
  readonly runs?: Task['runs'];
  /** Other files than the checked ones. */
  readonly inputs?: readonly TaskInput[];
}

/** The grid that a broker would choose for these parameters. */
export interface Grid {
  readonly form: Form;
  /** Cell widths that may occur; [0] for a service without cells. */
  readonly widths: readonly number[];
}

/** Widths of cells: as a broker chooses them, and one that is no power of two. */
const cellWidths = [65_536, 4096, 10_000];
/** A task's usual range at the most. */
const usualBytesMax = 2 ** 20;

export interface LabOptions {
  readonly target: Target;
  readonly descriptor: Descriptor;
  readonly params: Params;
  /** One or two, as the service takes them. */
  readonly files: readonly string[];
  readonly material: Material;
  readonly seed: number;
}

export class Lab {
  readonly target: Target;
  readonly descriptor: Descriptor;
  readonly params: Params;
  readonly files: readonly string[];
  readonly material: Material;
  readonly seed: number;
  /** A task was answered with a part. */
  computes = false;
  /** Milliseconds a byte, as the last whole task took them. */
  msPerByte = 1e-5;

  constructor({ target, descriptor, params, files, material, seed }: LabOptions) {
    this.target = target;
    this.descriptor = descriptor;
    this.params = params;
    this.files = files;
    this.material = material;
    this.seed = seed;
  }

  random(name: string): Random {
    return new Random(this.seed, name);
  }

  /** [start, end) of the first input that both inputs have, no longer than one request may be. */
  range(params: Params = this.params, bytesMax = Infinity): readonly [number, number] {
    const { shift, rangeBytesMax = Infinity } = this.descriptor;
    const [a = 0, b = a] = this.files.map((file) => statSync(file).size);
    const moved = shift === undefined ? 0 : sizeOf(shift, params);
    const start = Math.min(a, Math.max(0, -moved));
    const end = Math.max(start, this.files.length === 2 ? Math.min(a, b - moved) : a);
    return [start, Math.min(end, start + Math.min(rangeBytesMax, bytesMax))];
  }

  /** The range that a check of parts is about, `bytesMax` long or shorter. */
  usual(bytesMax = usualBytesMax): readonly [number, number] {
    return this.range(this.params, bytesMax);
  }

  grid(params: Params = this.params): Grid {
    if (!hasCells(this.descriptor)) return { form: 'summed', widths: [0] };
    const block = this.descriptor.block === undefined ? 0 : sizeOf(this.descriptor.block, params);
    if (block > 0) return { form: block <= wholeBlockBytesMax ? 'whole' : 'summed', widths: [block] };
    return { form: 'summed', widths: cellWidths };
  }

  fields({ form, params, runs }: Asked): readonly FieldSpec[] {
    const own = fieldsOf(this.descriptor, form ?? this.grid(params).form);
    return runs === undefined ? own : [...own, ...sampleFields];
  }

  task({ start, end, cellBytes, form, params = this.params, runs, inputs }: Asked): Task {
    const grid = this.grid(params);
    return {
      kind: runs === undefined ? 'exact' : 'sample',
      inputs: inputs ?? this.files.map(inputOf),
      runs: runs ?? [[start, end]],
      cellBytes: cellBytes ?? grid.widths[0]!,
      form: form ?? grid.form,
      params,
    };
  }

  frames(asked: Asked): TaskFrames {
    const task = this.task(asked);
    return (attempt, epoch, jobId) => encodeToWorker({ kind: 'assign', attempt, epoch, jobId, task });
  }

  ask(asked: Asked): Promise<Answer> {
    return this.target.ask(this.frames(asked));
  }

  /** The arrays of an answer as they came. */
  async sent(asked: Asked): Promise<{ readonly part: PartFrames; readonly work: TaskWork; readonly ms: number }> {
    const answer = await this.ask(asked);
    if (answer.kind === 'part') return answer;
    throw new CheckFailure(told(answer)).at(this.where(asked));
  }

  /** A decoded part with rows as wide as the descriptor says. */
  async part(asked: Asked): Promise<Part> {
    return this.decoded(asked, (await this.sent(asked)).part);
  }

  /** The parts of these tasks, several of which are under way at a time. */
  async parts(all: readonly Asked[]): Promise<readonly Part[]> {
    const { credit } = await this.target.start();
    const parts: Part[] = [];
    for (let i = 0; i < all.length; i += credit) {
      parts.push(...(await allOf(all.slice(i, i + credit).map((asked) => this.part(asked)))));
    }
    return parts;
  }

  /** The typed error that a task is to end in. */
  async fault(asked: Asked): Promise<Fault> {
    const answer = await this.ask(asked);
    if (answer.kind === 'fault') return answer.fault;
    throw new CheckFailure(answer.kind === 'part' ? 'answered with a part' : answer.why);
  }

  decoded(asked: Asked, frames: PartFrames): Part {
    const fields = this.fields(asked);
    try {
      const part = decodePart(fields, spanOf(this.task(asked)), frames);
      for (const field of fields) this.#checkWidth(field, part, asked);
      return part;
    } catch (error) {
      throw new CheckFailure((error as Error).message).at(this.where(asked));
    }
  }

  /** One part of adjacent ones. */
  folded(asked: Asked, parts: readonly Part[]): Part {
    try {
      return gather(this.fields(asked), asked.params ?? this.params, parts, spanOf(this.task(asked)));
    } catch (error) {
      throw new CheckFailure(`pieces do not fold: ${(error as Error).message}`).at(this.where(asked));
    }
  }

  /** `0x0:0x1000 in cells of 4096, lag 3`: what to ask for to see it again. */
  where(asked: Asked): string {
    const { cellBytes, params, form } = this.task(asked);
    const list = Object.entries(params).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    const cells = cellBytes === 0 ? '' : ` in cells of ${cellBytes}${form === 'whole' ? ' (form whole)' : ''}`;
    const what = asked.runs === undefined ? '' : `sample of ${counted(asked.runs.length, 'run')} in `;
    return `${what}${hexRange(asked.start, asked.end)}${cells}${list.length > 0 ? `, ${list.join(', ')}` : ''}`;
  }

  #checkWidth(field: FieldSpec, part: Part, { params = this.params }: Asked): void {
    const rows = field.cells ? cellCount(part) : 1;
    if (!field.shape || field.merge === 'concat' || rows === 0) return;
    const shape = field.shape.map((dim) => sizeOf(dim, params));
    const wanted = field.merge === 'run' ? runWidth : shape.reduce((n, dim) => n * dim, 1);
    const got = part.columns[field.name]!.length / rows;
    if (got === wanted) return;
    throw new CheckFailure(`field ${field.name} has rows of ${got} numbers; its shape [${shape}] makes ${wanted}`);
  }
}

export function inputOf(path: string): TaskInput {
  return { path: Buffer.from(path), identity: statIdentity(statSync(path, { bigint: true })) };
}

export function spanOf({ runs, cellBytes }: Task): Span {
  return { start: runs[0]![0], end: runs.at(-1)![1], cellBytes };
}

/** An answer that is no part, in words. */
export function told(answer: Answer): string {
  if (answer.kind === 'fault') return `${answer.fault.message} (${answer.fault.code})`;
  return answer.kind === 'lost' ? answer.why : 'a part';
}

/** Like Promise.all, but nothing is left running when it rejects. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  const bad = settled.find((result) => result.status === 'rejected');
  if (bad) throw bad.reason;
  return settled.map((result) => (result as PromiseFulfilledResult<T>).value);
}
