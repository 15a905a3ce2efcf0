/**
 * One request under way: what it asks, what is known of it, and what is still to be had. The job decides which pieces are
 * wanted next; chunks.ts computes them, core.ts carries messages.
 */

import { blockBytes, chunkCellBytes, type Piece, pieceCellBytes } from '../cache/blocks.js';
import { type Hit, planFor } from '../cache/plan.js';
import {
  assert,
  type ClientId,
  type Fault,
  fail,
  gather,
  type JobId,
  type Params,
  type Part,
  type PartFrames,
  type Query,
  type Report,
  type RequestId,
  type Work,
  wholeFieldBytes,
} from '../protocol/index.js';
import type { NewChunk } from './chunks.js';
import type { ChunkBounds, ChunkContext, MeasuredInput } from './events.js';
import { Finishing } from './finishing.js';
import type { Finished } from './folds.js';
import { boundsKey, layOut, type Pace, type Running } from './layout.js';
import { runsOf, type SampleTask } from './sampling.js';
import type { Service } from './services.js';

export type Phase =
  /** Nobody serves it (yet). */
  | { readonly name: 'unserved'; readonly untilMs: number }
  | { readonly name: 'measuring'; readonly service: Service; readonly params: Params }
  | Running;

/** Whole fields that weigh nothing beside 10 ms of computing, and the longest task for those that do. */
const lightPartBytes = 65_536;
const sliceWeightMax = 4;

/** Pieces that a job has open at a time: that many, and more where they are short, while they have not so many bytes. */
export interface OpenPieces {
  readonly pieces: number;
  readonly bytes: number;
}

/** So many times as many short ones. */
const shortPiecesFactor = 4;

export class Job {
  phase: Phase;
  /** Set with the first phase that has one. */
  service: Service | undefined;
  /** Input bytes a millisecond of one slot, as this job's own tasks took; another's input may be on another disk. */
  bytesPerMs = NaN;
  /** How much longer a task may be than usual: a large part, as DIGRAM's, costs whoever merges it. */
  sliceWeight = 1;
  /** Something new since the last report. */
  dirty = false;
  /** No report before this moment. */
  reportAtMs = 0;
  /** When the last one was sent. */
  reportedMs = -Infinity;
  /** Large reports that were sent on this connection and not acknowledged. */
  largeReports = 0;
  #finishing: Finishing | undefined;
  readonly #work = { bytesRead: 0, bytesHashed: 0, tasks: 0, chunksCached: 0, chunksComputed: 0 };
  #firstReportMs: number | null = null;
  /** Samples that were not answered yet. */
  #samplesOut = 0;

  constructor(
    readonly id: JobId,
    readonly clientId: ClientId,
    readonly requestId: RequestId,
    readonly query: Query,
    readonly startedMs: number,
    untilMs: number,
  ) {
    this.phase = { name: 'unserved', untilMs };
  }

  measuring(service: Service, params: Params): void {
    assert(this.phase.name === 'unserved', 'a job is measured once');
    if (this.query.inputs.length !== service.descriptor.inputs) {
      const { name, inputs } = service.descriptor;
      throw fail('E_USAGE', `${name} takes ${inputs} input${inputs > 1 ? 's' : ''}, not ${this.query.inputs.length}`);
    }
    this.service = service;
    this.bytesPerMs = service.bytesPerMs;
    const partBytes = wholeFieldBytes(service.descriptor, params, () => 4);
    this.sliceWeight = Math.max(1, Math.min(sliceWeightMax, partBytes / lightPartBytes));
    this.phase = { name: 'measuring', service, params };
  }

  /** Plans the job, with samples first where more bytes are missing than that. Throws E_RANGE, E_CELLS. Returns the reads. */
  measured(
    inputs: readonly MeasuredInput[],
    cached: readonly ChunkBounds[],
    bytesHashed: number,
    pace: Pace,
  ): ChunkBounds[] {
    assert(this.phase.name === 'measuring', 'inputs are measured for a job that waits for them');
    const { service, params } = this.phase;
    this.#work.bytesHashed += bytesHashed;
    const running = layOut({ query: this.query, service, params, inputs, cached, keeps: this.keeps }, pace);
    this.phase = running;
    this.#samplesOut = running.samples.length;
    const { name, report, finish } = service.descriptor;
    if (finish)
      this.#finishing = new Finishing(
        this.id,
        name,
        report.map((output) => output.name),
      );
    return [...running.reading.values()].map(([hit]) => hit!.chunk);
  }

  get running(): Running {
    assert(this.phase.name === 'running', 'the job runs');
    return this.phase;
  }

  get isComplete(): boolean {
    return this.phase.name === 'running' && this.phase.picture.isExact;
  }

  /** Its service makes more of each report, and there is something to make it of. */
  get finishes(): boolean {
    const { picture } = this.running;
    return this.#finishing !== undefined && !picture.isBlank && picture.dataBytes > 0;
  }

  /** A report is with the service. */
  get isFinishing(): boolean {
    return this.#finishing?.asked !== undefined;
  }

  /** Nothing is left to be done but to answer. */
  get isDone(): boolean {
    return this.isComplete && (!this.finishes || this.#finishing!.finished?.exact === true);
  }

  /** The newest report is to be finished; what was asked for before is not wanted any more. */
  beginFinish(now: number): { readonly chunk: NewChunk; readonly unwanted: string | undefined } {
    const finishing = this.#finishing!;
    const unwanted = finishing.asked;
    const { picture, open } = this.running;
    if (unwanted !== undefined) open.delete(unwanted);
    const chunk = finishing.ask(this.#report(now), picture.finishRows(), this.context);
    // It reads nothing.
    open.set(chunk.key, { start: 0, end: 0, chunk: false });
    this.dirty = false;
    return { chunk, unwanted };
  }

  /** Throws E_SERVICE where it is not what was asked for. */
  finishTaken(key: string, frames: PartFrames): void {
    this.running.open.delete(key);
    this.#finishing!.taken(frames);
  }

  /** Inputs as the broker knows them. */
  get inputIds(): readonly string[] {
    return this.running.inputIds;
  }

  get context(): ChunkContext {
    const { inputs, picture } = this.running;
    const { descriptor, digest } = this.service!;
    return { descriptor, digest, params: picture.input.params, inputs, fields: picture.fields };
  }

  /** What the part of a cached chunk spans. */
  spanOf(bounds: ChunkBounds) {
    const { grid, limit } = this.running.plan;
    return {
      start: bounds.start,
      end: Math.min(bounds.end, limit),
      cellBytes: chunkCellBytes(bounds.end - bounds.start, grid),
    };
  }

  /** A cached chunk came, or did not: then other chunks answer for it, and what they leave is computed. */
  chunkRead(bounds: ChunkBounds, part: Part | null): { finished: Finished[]; reads: ChunkBounds[] } {
    const { reading, picture } = this.running;
    const hits = reading.get(boundsKey(bounds)) ?? [];
    reading.delete(boundsKey(bounds));
    if (part === null) return { finished: [], reads: hits.flatMap((hit) => this.#replan(hit)) };
    this.#work.chunksCached++;
    const finished = hits.flatMap(({ start, end }) => {
      const inside = start === part.start && end === part.end;
      const clipped = inside ? part : gather(picture.fields, picture.input.params, [part], { ...part, start, end });
      picture.add(clipped);
      this.dirty = true;
      return this.running.folds.add(clipped);
    });
    return { finished, reads: [] };
  }

  #replan({ chunk, start, end }: Hit): ChunkBounds[] {
    const { plan, reading, pending, folds } = this.running;
    const cached = plan.cached.filter((other) => other.start !== chunk.start || other.end !== chunk.end);
    const instead = { ...plan, cached, start, end };
    this.running.plan = { ...plan, cached };
    const { hits, missing } = planFor(instead);
    pending.add(missing);
    if (this.keeps) folds.expect(instead, { hits, missing });
    const reads: ChunkBounds[] = [];
    for (const hit of hits) {
      const key = boundsKey(hit.chunk);
      if (!reading.has(key)) reads.push(hit.chunk);
      reading.set(key, [...(reading.get(key) ?? []), hit]);
    }
    return reads;
  }

  /** What it has computed goes to the cache. */
  get keeps(): boolean {
    return this.query.cache && this.service!.descriptor.cached;
  }

  /** The next piece to be opened, as long as so many are not; neighbours for so many bytes (pending.ts). */
  openNext(atOnce: OpenPieces, stretchBytes: number): NewChunk | undefined {
    if (this.phase.name !== 'running' || !this.#mayOpen(this.phase, atOnce)) return undefined;
    const sample = this.phase.samples.pop();
    // Until all cells are sampled the exact pieces would only delay the first whole picture: there are no more processors.
    if (!sample && this.awaitsWholePicture) return undefined;
    const piece = sample ?? this.phase.pending.take(stretchBytes);
    if (!piece) return undefined;
    const chunk = sample ? this.#sampleOf(sample) : this.#chunkOf(piece);
    this.phase.open.set(chunk.key, piece);
    return chunk;
  }

  #mayOpen({ open }: Running, { pieces, bytes }: OpenPieces): boolean {
    if (open.size < pieces) return true;
    if (open.size >= shortPiecesFactor * pieces) return false;
    let sum = 0;
    for (const { start, end } of open.values()) sum += end - start;
    return sum < bytes;
  }

  /** A slice of an open piece was computed, here or for another job that wants it too. */
  pieceProgressed(part: Part): void {
    this.running.picture.add(part);
    this.dirty = true;
  }

  /** All slices of the piece have been told of. Returns larger chunks that are complete with `part`, where it is kept. */
  pieceComputed(key: string, part: Part | undefined): Finished[] {
    const piece = this.running.open.get(key);
    assert(piece, 'a computed piece was wanted');
    this.running.open.delete(key);
    if (piece.chunk) this.#work.chunksComputed++;
    return part ? this.running.folds.add(part) : [];
  }

  sampleTaken(key: string, part: Part | undefined): void {
    this.running.open.delete(key);
    this.#samplesOut--;
    if (!part) return;
    this.running.picture.addSample(part);
    this.dirty = true;
  }

  /** The picture is not what samples can make of it yet. */
  get awaitsSamples(): boolean {
    return this.#samplesOut > 0;
  }

  /** There are cells of which nothing is known, and their samples come. */
  get awaitsWholePicture(): boolean {
    return this.awaitsSamples && this.running.plan.grid.cellBytes > 0;
  }

  taskDone(bytesRead: number): void {
    this.#work.tasks++;
    this.#work.bytesRead += bytesRead;
  }

  hashKnown(id: string, hash: string): void {
    if (this.phase.name !== 'running') return;
    const { inputs } = this.phase;
    inputs.forEach((input, i) => {
      if (input.id === id) inputs[i] = { ...input, hash };
    });
  }

  /** The newest; of a service that finishes its reports the newest that is finished. */
  report(now: number): Report {
    const finished = this.#finishing?.finished;
    return finished ? { ...finished, work: this.#workAt(now) } : this.#report(now);
  }

  #report(now: number): Report {
    const { picture, inputs, onlyA, onlyB } = this.running;
    const work = this.#workAt(now);
    const reported = inputs.map(({ path, identity, id, hash }) => ({ path, size: identity.size, hash, identity: id }));
    return picture.report({ jobId: this.id, inputs: reported, work }, inputs.length === 2 ? { onlyA, onlyB } : {});
  }

  #workAt(now: number): Work {
    const elapsedMs = round(now - this.startedMs);
    if (this.#firstReportMs === null && !this.running.picture.isBlank) this.#firstReportMs = elapsedMs;
    return { ...this.#work, firstReportMs: this.#firstReportMs, elapsedMs };
  }

  get completion(): number {
    return this.phase.name === 'running' ? this.phase.picture.completion : 0;
  }

  /** The fault as this job's owner reads it. */
  faultOf(fault: Fault): Fault {
    return { ...fault, jobId: this.id, service: fault.service ?? this.query.service };
  }

  #chunkOf(piece: Piece): NewChunk {
    const { plan } = this.running;
    const { grid, limit } = plan;
    const { digest } = this.service!;
    const context = this.context;
    const ids = context.inputs.map((input) => input.id).join(' ');
    const span = { start: piece.start, end: Math.min(piece.end, limit), cellBytes: pieceCellBytes(piece, grid) };
    return {
      key: `${digest} ${JSON.stringify(Object.values(context.params))} ${ids} ${piece.start}_${piece.end} ${piece.chunk}`,
      context,
      bounds: { start: piece.start, end: piece.end },
      span,
      form: grid.form,
      stepBytes: grid.form === 'whole' ? grid.block : blockBytes,
      keep: piece.chunk && context.descriptor.cached,
    };
  }

  #sampleOf(task: SampleTask): NewChunk {
    const { start, end } = task;
    const { grid } = this.running.plan;
    return {
      key: `sample ${this.id} ${start}`,
      context: this.context,
      bounds: { start, end },
      span: { start, end, cellBytes: grid.cellBytes },
      form: grid.form,
      stepBytes: blockBytes,
      keep: false,
      runs: runsOf(task),
    };
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
