/** What may happen to a client and what it then orders: the closed unions of client/core.ts. */
import type { Fault, FromClient, Invalid, Query, Report, RequestId, ToClient, Welcome } from '../protocol/index.js';

/** What one job asks: a service with a descriptor, or any service with a body of its own. */
export type Ask =
  | { readonly kind: 'query'; readonly query: Query }
  | { readonly kind: 'raw'; readonly service: string; readonly body: readonly Uint8Array[] };

export type CancelOutcome = 'cancelled' | 'ended' | 'unknown';

export type ClientEvent =
  /** Comes once, first. */
  | { readonly kind: 'started' }
  /** Numbers rise from 1; gaps are allowed. */
  | { readonly kind: 'requested'; readonly requestId: RequestId; readonly ask: Ask }
  /** Somebody here wants a job ended: one of our own or anybody's. */
  | { readonly kind: 'cancelled'; readonly jobId: string }
  /** From the newest socket only: what an older one still holds never gets here. */
  | { readonly kind: 'messageReceived'; readonly message: ToClient | Invalid }
  /** The newest socket's connection broke; what was sent last may be lost. */
  | { readonly kind: 'socketLost' }
  /** The broker was ours and its process is over: no other will answer at this endpoint. */
  | { readonly kind: 'brokerEnded'; readonly reason: string }
  | { readonly kind: 'deadlineReached' }
  | { readonly kind: 'closed' };

export type ClientCommand =
  /** Close the socket that is there, unsent messages and all, and connect a new one. */
  | { readonly kind: 'reopenSocket' }
  | { readonly kind: 'send'; readonly message: FromClient }
  /** The first WELCOME came. */
  | { readonly kind: 'settleConnect'; readonly welcome: Welcome }
  | { readonly kind: 'failConnect'; readonly fault: Fault }
  | { readonly kind: 'deliverReport'; readonly requestId: RequestId; readonly report: Report }
  | { readonly kind: 'resolveFinal'; readonly requestId: RequestId; readonly report: Report }
  | { readonly kind: 'deliverRaw'; readonly requestId: RequestId; readonly body: readonly Uint8Array[] }
  | { readonly kind: 'resolveRaw'; readonly requestId: RequestId; readonly body: readonly Uint8Array[] }
  /** `byOwner`: ended because we wanted it, so loops over it end quietly. */
  | { readonly kind: 'rejectJob'; readonly requestId: RequestId; readonly fault: Fault; readonly byOwner: boolean }
  /** To all who wait for the end of this job; there may be nobody. */
  | { readonly kind: 'resolveCancel'; readonly jobId: string; readonly outcome: CancelOutcome }
  | { readonly kind: 'rejectCancel'; readonly jobId: string; readonly fault: Fault };
