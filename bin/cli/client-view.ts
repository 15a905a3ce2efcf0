/** What the command line uses of the client library. */
import type { Descriptor } from '../../protocol/descriptor.js';
import type { ReportView } from './report.js';

export interface RequestView {
  readonly service: string;
  readonly inputs: readonly (string | Uint8Array)[];
  readonly range?: string;
  readonly cells?: number;
  readonly snap?: boolean;
  readonly params?: { readonly [name: string]: number | string | boolean };
  readonly cache?: boolean;
  readonly signal?: AbortSignal;
}

/** A report that can also be written. */
export interface ReportOut extends ReportView {
  writeJson(write: (text: string) => unknown): unknown;
}

export interface JobView extends AsyncIterable<ReportOut> {
  readonly id: string;
  final(): Promise<ReportOut>;
}

export interface ServiceRow {
  readonly descriptor: Descriptor;
  readonly workers: number;
  readonly slots: number;
}

export interface JobRow {
  readonly jobId: string;
  readonly service: string;
  readonly paths: readonly (Uint8Array | string)[];
  readonly range: readonly number[] | null;
  readonly completion: number;
  readonly state: string;
  readonly ageMs: number;
}

export interface ClientView {
  request(request: RequestView): JobView;
  cancel(jobId: string): Promise<unknown>;
  services(): Promise<readonly ServiceRow[]>;
  jobs(): Promise<readonly JobRow[]>;
  close(): Promise<void>;
}
