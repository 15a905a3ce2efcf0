/** A report as a program receives it; its JSON is the public contract `binglide.report/1`. */
import type { InputReport, JobId, Report as WireReport, Work } from '../protocol/index.js';
import { type Fields, fieldsOf } from './fields.js';
import { type Json, jsonPieces, toJson } from './json.js';

export const reportFormat = 'binglide.report/1';

export interface ReportInput {
  /** As text; what is not UTF-8 is written as `printablePath` does. */
  readonly path: string;
  /** The path itself, as it was sent. */
  readonly pathBytes: Uint8Array;
  readonly size: number;
  /** BLAKE3 of the content in hex; null while unknown. */
  readonly hash: string | null;
  /** Names this state of the file before its hash is known: `~…`. */
  readonly identity: string;
}

export class Report<F = Fields> {
  readonly format = reportFormat;
  readonly service: string;
  readonly version: number | string;
  readonly inputs: readonly ReportInput[];
  /** [start, end) in bytes of the first input. */
  readonly range: readonly [number, number];
  readonly jobId: JobId;
  /** Exact bytes by all bytes, 0 to 1; never falls within a job. */
  readonly completion: number;
  /** True in the final report, and only there for certain. */
  readonly exact: boolean;
  /** Width of a cell in bytes; 0: the service has no cells. */
  readonly cellBytes: number;
  readonly fields: F;
  /** What the answer has cost so far. */
  readonly work: Work;

  constructor(wire: WireReport) {
    this.service = wire.service;
    this.version = wire.version;
    this.inputs = wire.inputs.map(inputOf);
    this.range = wire.range;
    this.jobId = wire.jobId;
    this.completion = wire.completion;
    this.exact = wire.exact;
    this.cellBytes = wire.cellBytes;
    this.fields = fieldsOf(wire) as F;
    this.work = wire.work;
  }

  /** The columns along the range: the same as `fields.cells`. */
  get cells(): F extends { readonly cells: infer C } ? C : undefined {
    return (this.fields as { cells?: unknown }).cells as F extends { readonly cells: infer C } ? C : undefined;
  }

  /** Plain JSON after the public contract: NaN as null, columns as arrays. */
  toJSON(): { [key: string]: Json } {
    return toJson(this.#contract()) as { [key: string]: Json };
  }

  /** The same text as `JSON.stringify(report)`, in pieces of about 64 KiB; each is awaited before the next is made. */
  async writeJson(write: (piece: string) => unknown): Promise<void> {
    for (const piece of jsonPieces(this.#contract())) {
      const written = write(piece);
      if (written instanceof Promise) await written;
    }
  }

  #contract(): object {
    const { format, service, range, jobId, completion, exact, fields, work } = this;
    const inputs = this.inputs.map(({ path, size, hash, identity }) => ({ path, size, hash, identity }));
    return { format, service, inputs, range, jobId, completion, exact, fields, work };
  }
}

function inputOf({ path, size, hash, identity }: InputReport): ReportInput {
  return { path: printablePath(path), pathBytes: path, size, hash, identity };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A path as text: itself where it is UTF-8; else printable ASCII as it is and every other byte as `\xNN`. */
export function printablePath(path: Uint8Array): string {
  try {
    return utf8.decode(path);
  } catch {
    return Array.from(path, (byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
    ).join('');
  }
}
