/**
 * What happens to the broker's core, and what it asks of its shell. Events are past tense, commands imperative; both are
 * closed. A command that waits (measureInputs, readChunk) ends in exactly one event; sends are fire-and-forget and speak
 * up only as peerGone.
 */

import type { Measured } from '../cache/inputs.js';
import type {
  Descriptor,
  Fault,
  FieldSpec,
  JobId,
  Params,
  Part,
  PeerId,
  Query,
  Span,
  ToBroker,
  ToClient,
  ToPlainClient,
  ToPlainWorker,
  ToWorker,
} from '../protocol/index.js';

/** An input as the shell found it. */
export interface MeasuredInput extends Measured {
  /** Content hash, where it is known. */
  readonly hash: string | null;
}

/** What a chunk of the cache belongs to. */
export interface ChunkContext {
  readonly descriptor: Descriptor;
  readonly digest: string;
  readonly params: Params;
  readonly inputs: readonly MeasuredInput[];
  readonly fields: readonly FieldSpec[];
}

/** Nominal bounds of a chunk. */
export interface ChunkBounds {
  readonly start: number;
  readonly end: number;
}

export type BrokerEvent =
  | { readonly kind: 'messageReceived'; readonly peer: PeerId; readonly message: ToBroker }
  /** The connection is gone, as the transport says. */
  | { readonly kind: 'peerGone'; readonly peer: PeerId }
  | {
      readonly kind: 'inputsMeasured';
      readonly jobId: JobId;
      readonly inputs: readonly MeasuredInput[];
      /** Bounds of the chunks at hand for these inputs, this service and these parameters. */
      readonly cached: readonly ChunkBounds[];
      readonly bytesHashed: number;
    }
  | { readonly kind: 'inputsRefused'; readonly jobId: JobId; readonly fault: Fault }
  /** `part` null: it was not there or did not check. */
  | { readonly kind: 'chunkRead'; readonly jobId: JobId; readonly bounds: ChunkBounds; readonly part: Part | null }
  | { readonly kind: 'inputHashed'; readonly id: string; readonly hash: string }
  /** A report was built and handed to the socket; what building took sets the pace of the next. */
  /** `bytes`: of its frames. Large ones are acknowledged. */
  | {
      readonly kind: 'reportSent';
      readonly jobId: JobId;
      readonly buildMs: number;
      readonly bytes: number;
      readonly isLarge?: boolean;
    }
  /** More waits for the peer than is kept for one that does not read. */
  | { readonly kind: 'peerFlooded'; readonly peer: PeerId }
  | { readonly kind: 'deadlineReached' };

export type BrokerCommand =
  | { readonly kind: 'sendToClient'; readonly peer: PeerId; readonly message: ToClient }
  | { readonly kind: 'sendToPlainClient'; readonly peer: PeerId; readonly message: ToPlainClient }
  | { readonly kind: 'sendToWorker'; readonly peer: PeerId; readonly message: ToWorker }
  | { readonly kind: 'sendToPlainWorker'; readonly peer: PeerId; readonly message: ToPlainWorker }
  /** Build the job's newest report when the peer can take it, and say so with reportSent. */
  | { readonly kind: 'sendReport'; readonly peer: PeerId; readonly jobId: JobId }
  | { readonly kind: 'publishCancel'; readonly jobId: JobId }
  | { readonly kind: 'publishTick' }
  | {
      readonly kind: 'measureInputs';
      readonly jobId: JobId;
      readonly query: Query;
      readonly descriptor: Descriptor;
      readonly digest: string;
      readonly params: Params;
    }
  | {
      readonly kind: 'readChunk';
      readonly jobId: JobId;
      readonly context: ChunkContext;
      readonly bounds: ChunkBounds;
      /** What the part must span: the bounds clipped by the data, with the chunk's own cells. */
      readonly span: Span;
    }
  | { readonly kind: 'writeChunk'; readonly context: ChunkContext; readonly bounds: ChunkBounds; readonly part: Part }
  | { readonly kind: 'hashInput'; readonly input: MeasuredInput }
  | { readonly kind: 'pauseHashing' }
  | { readonly kind: 'resumeHashing' };
