/** What the hasher and its thread say to each other; numbers in shared memory where a message would come too late. */
import type { Fault, StatIdentity } from '../protocol/index.js';

export type ToHashThread =
  | {
      readonly kind: 'hash';
      readonly ticket: number;
      readonly path: Uint8Array;
      readonly identity: StatIdentity;
      readonly urgent: boolean;
    }
  | { readonly kind: 'hurry'; readonly ticket: number }
  | { readonly kind: 'cancel'; readonly ticket: number };

export type FromHashThread =
  | {
      readonly kind: 'hashed';
      readonly ticket: number;
      readonly hash: string;
      readonly bytes: number;
      readonly ms: number;
    }
  | { readonly kind: 'failed'; readonly ticket: number; readonly fault: Fault };

/** Words of the shared array: `signal` counts what the owner has said, `paused` is 1 while only urgent work goes on. */
export const signalWord = 0;
export const pausedWord = 1;
/** Cancelling and pausing are looked at this often. */
export const pieceBytes = 4 * 2 ** 20;
