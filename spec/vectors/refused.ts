/** What invalid.json holds: one refused message, and what whoever gets it does (BXMDPv2.md, "Reactions"). */
import { envelope } from '../../protocol/index.js';
import type { Direction } from './wire.js';

export interface Refused {
  readonly name: string;
  readonly direction: Direction;
  readonly frames: readonly Uint8Array[];
  /** What the receiver does, where the sender is one that it knows. */
  readonly reaction: Reaction;
  /** A piece of the reason that our decoder gives. */
  readonly reason: string;
}

/**
 * `drop`: nothing else happens. `error`: an ERROR of the same requestId, E_PROTOCOL. `disconnect`: a DISCONNECT goes back, then nothing. `fail`: open
 * jobs end in E_PROTOCOL.
 */
export type Reaction = 'drop' | 'error' | 'disconnect' | 'fail';

export const client = (command: number, ...rest: (Uint8Array | string)[]) => envelope('BXMC02', command, ...rest);
export const worker = (command: number, ...rest: (Uint8Array | string)[]) => envelope('BXMW02', command, ...rest);

export const refuse = (
  direction: Direction,
  reaction: Reaction,
  name: string,
  frames: readonly Uint8Array[],
  reason: string,
): Refused => ({ name, direction, frames, reaction, reason });
