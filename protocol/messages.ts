/**
 * Every message of both dialects as a readonly record. Decoding never throws: what does not follow the specification
 * comes back as `invalid` with the reason. encode… and decode… are in encode.ts and decode.ts.
 *
 * Naming: `ToBroker` is what the broker receives, `ToClient` and `ToWorker` what it sends.
 */
import type { PlainMap } from './codec.js';
import type { Descriptor, Form, Params } from './descriptor.js';
import type { Fault } from './errors.js';
import type { Attempt, ClientId, Epoch, JobId, RequestId, SlotId } from './ids.js';
import type { NamedArray } from './npy.js';
import type { PartFrames } from './parts.js';
import type { RangeSpec } from './range.js';

/** A piece of a resource; `length` null: to its end. Today a whole file: offset 0, length null or the file's size. */
export interface Extent {
  readonly path: Uint8Array;
  readonly offset: number;
  readonly length: number | null;
}
/** One input: extents laid end to end; today exactly one. */
export type Input = readonly Extent[];

/** What tells two states of a file apart without reading it. Numbers past 2^53−1 travel as text. */
export interface StatIdentity {
  readonly dev: string;
  readonly ino: string;
  readonly size: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
}

/** What a client asks of a service with a descriptor. */
export interface Query {
  readonly service: string;
  /** Absent: the newest. */
  readonly version?: number | string;
  readonly inputs: readonly Input[];
  readonly range: RangeSpec;
  /** How many cells at the most, give or take one; services without cells ignore it. */
  readonly cells: number;
  /** Widen the range to multiples of the cell. */
  readonly snap: boolean;
  readonly params: PlainMap;
  /** False: neither look into the cache nor write to it. */
  readonly cache: boolean;
}

export interface TaskInput {
  readonly path: Uint8Array;
  readonly identity: StatIdentity;
}

/** What a worker gets. `exact`: one run; `sample`: many short ones, ascending, each inside one cell. */
export interface Task {
  readonly kind: 'exact' | 'sample';
  readonly inputs: readonly TaskInput[];
  /** [start, end) pairs in bytes of the first input. */
  readonly runs: readonly (readonly [number, number])[];
  /** Cells of the part: multiples of this from offset 0; 0: none. */
  readonly cellBytes: number;
  readonly form: Form;
  readonly params: Params;
  /** A sample that would spend longer on reading, in milliseconds, reads fewer of its runs. Absent: it reads them all. */
  readonly readMsMax?: number;
}

/** Merged rows that the service's own finish makes more outputs of (finishing.ts). */
export interface FinishTask extends PartFrames {
  readonly kind: 'finish';
  readonly params: Params;
  /** Of each array: `n`, and the fields that finish gets. */
  readonly rows: number;
}

/** What a task cost. */
export interface TaskWork {
  readonly bytesRead: number;
  readonly ms: number;
  /** Mean time of a short read elsewhere than where the last one ended, in milliseconds. Absent: too few to tell. */
  readonly seekMs?: number;
}

export interface InputReport {
  readonly path: Uint8Array;
  readonly size: number;
  /** BLAKE3 of the content in hex; null while unknown. */
  readonly hash: string | null;
  /** The provisional name `~…` made from the stat identity. */
  readonly identity: string;
}

export interface Work {
  readonly bytesRead: number;
  readonly bytesHashed: number;
  readonly tasks: number;
  readonly chunksCached: number;
  readonly chunksComputed: number;
  /** From the request's arrival to the first report with anything in it; null before. */
  readonly firstReportMs: number | null;
  readonly elapsedMs: number;
}

/** A report's header map; the arrays follow in frames, `cells.<name>` along the cells, others whole. */
export interface Report {
  readonly jobId: JobId;
  readonly service: string;
  readonly version: number | string;
  readonly inputs: readonly InputReport[];
  readonly range: readonly [number, number];
  /** Exact bytes by all bytes, 0 to 1. */
  readonly completion: number;
  readonly exact: boolean;
  /** Cell width in bytes; 0: no cells. */
  readonly cellBytes: number;
  readonly scalars: {
    readonly [name: string]: number | null | boolean | { readonly start: number; readonly length: number };
  };
  readonly arrays: { readonly [name: string]: NamedArray };
  readonly work: Work;
}

/** A partial report with more array bytes than this is acknowledged, so that few of them are ever under way. */
const largeReportBytes = 256 * 1024;

export function reportIsLarge({ arrays }: Report): boolean {
  return Object.values(arrays).reduce((sum, { data }) => sum + data.byteLength, 0) > largeReportBytes;
}

/** States of a cell as they travel in `cells.state` (u1). */
export const cellStates = ['none', 'sampled', 'exact'] as const;

export interface Limits {
  /** The largest body of one message in bytes. */
  readonly messageBytesMax: number;
  /** Requests under way, all clients together. */
  readonly jobsMax: number;
}

export interface Welcome {
  readonly kind: 'welcome';
  readonly heartbeatMs: number;
  /** Where cancellations are published; workers subscribe to it. */
  readonly cancelEndpoint: string;
  readonly epoch: Epoch;
  readonly limits: Limits;
}

export type FromClient =
  | { readonly kind: 'hello'; readonly clientId: ClientId }
  | { readonly kind: 'request'; readonly requestId: RequestId; readonly jobId?: JobId; readonly query: Query }
  /** A service without descriptor: routed whole. */
  | {
      readonly kind: 'rawRequest';
      readonly requestId: RequestId;
      readonly service: string;
      readonly body: readonly Uint8Array[];
    }
  | { readonly kind: 'clientCancel'; readonly jobId?: string; readonly requestId?: RequestId }
  /** `seen`: a large report of the request has arrived (see reportIsLarge). */
  | { readonly kind: 'clientHeartbeat'; readonly seen?: RequestId }
  | { readonly kind: 'clientDisconnect' };

export type FromPlainClient = {
  readonly kind: 'plainRequest';
  readonly service: string;
  readonly body: readonly Uint8Array[];
};

export type FromWorker =
  | { readonly kind: 'ready'; readonly descriptor: Descriptor; readonly slot: SlotId; readonly credit: number }
  | {
      readonly kind: 'taskFinal';
      readonly attempt: Attempt;
      readonly epoch: Epoch;
      readonly part: PartFrames;
      readonly work: TaskWork;
    }
  /** `cancelled` is an ERROR with E_CANCELLED: the attempt is over, the slot free. */
  | {
      readonly kind: 'taskError';
      readonly attempt: Attempt;
      readonly epoch: Epoch;
      readonly fault: Fault;
      readonly work: TaskWork;
    }
  | { readonly kind: 'workerHeartbeat'; readonly attempt?: Attempt; readonly bytesDone?: number }
  | { readonly kind: 'workerDisconnect' };

export type FromPlainWorker =
  | { readonly kind: 'plainReady'; readonly service: string }
  | { readonly kind: 'plainPartial'; readonly address: Uint8Array; readonly body: readonly Uint8Array[] }
  | { readonly kind: 'plainFinal'; readonly address: Uint8Array; readonly body: readonly Uint8Array[] }
  | { readonly kind: 'plainHeartbeat' }
  | { readonly kind: 'plainDisconnect' };

/** A v2 REQUEST that names itself but asks for nothing that can be understood: its client is told. */
export type BadRequest = {
  readonly kind: 'badRequest';
  readonly requestId: RequestId;
  readonly service: string;
  readonly fault: Fault;
};
export type Invalid = { readonly kind: 'invalid'; readonly header: string; readonly reason: string };
export type ToBroker = FromClient | FromPlainClient | FromWorker | FromPlainWorker | BadRequest | Invalid;

export type ToClient =
  | Welcome
  | { readonly kind: 'partial'; readonly requestId: RequestId; readonly report: Report }
  | { readonly kind: 'final'; readonly requestId: RequestId; readonly report: Report }
  | {
      readonly kind: 'rawPartial';
      readonly requestId: RequestId;
      readonly service: string;
      readonly body: readonly Uint8Array[];
    }
  | {
      readonly kind: 'rawFinal';
      readonly requestId: RequestId;
      readonly service: string;
      readonly body: readonly Uint8Array[];
    }
  | { readonly kind: 'error'; readonly requestId: RequestId; readonly fault: Fault }
  /** To a canceller: what became of it. */
  | { readonly kind: 'cancelAck'; readonly jobId: string; readonly outcome: 'cancelled' | 'ended' | 'unknown' }
  | { readonly kind: 'clientHeartbeat' }
  | { readonly kind: 'clientDisconnect' };

/** To RFC 18 clients: body frames only, the service's name beside them. */
export type ToPlainClient =
  | { readonly kind: 'plainPartial'; readonly service: string; readonly body: readonly Uint8Array[] }
  | { readonly kind: 'plainFinal'; readonly service: string; readonly body: readonly Uint8Array[] };

export type ToWorker =
  | Welcome
  | {
      readonly kind: 'assign';
      readonly attempt: Attempt;
      readonly epoch: Epoch;
      readonly jobId: JobId;
      readonly task: Task | FinishTask;
    }
  | {
      readonly kind: 'workerCancel';
      readonly jobId: JobId;
      readonly attempts: readonly Attempt[];
      /** Only what has not begun: what runs goes on and is answered as usual. */
      readonly waiting?: boolean;
    }
  | { readonly kind: 'workerHeartbeat' }
  | { readonly kind: 'workerDisconnect' };

/** To RFC 18 workers. `address` stands for the attempt. */
export type ToPlainWorker =
  | { readonly kind: 'plainAssign'; readonly address: Uint8Array; readonly body: readonly Uint8Array[] }
  | { readonly kind: 'plainHeartbeat' }
  | { readonly kind: 'plainDisconnect' };
