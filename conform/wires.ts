/**
 * How RFC 18 stands on the wire. Some implementations write its commands otherwise: with `--wire` they can be judged all
 * the same in what they do, and the difference itself is a failure of the rules of form.
 */
import { empty, type Frames, headerOf } from './wire.js';

export interface Wire {
  /** What is not as RFC 18 has it; undefined: nothing. */
  readonly differs?: string;
  /** A message of RFC 18 as it has to be sent. */
  out(frames: Frames): Frames;
  /** A message that came, as RFC 18 would have it. */
  into(frames: Frames): Frames;
}

const commandAs = (frames: Frames, command: number): Frames => [frames[0]!, Uint8Array.of(command), ...frames.slice(2)];
const withoutEmpty = (frames: Frames): Frames => (frames[0]?.length === 0 ? frames.slice(1) : frames);
const isClient = (frames: Frames): boolean => headerOf(frames) === 'MDPC02' && frames[1]?.length === 1;

export const wires: { readonly [name: string]: Wire } = {
  rfc18: { out: (frames) => frames, into: (frames) => frames },
  majortomo: {
    differs:
      'an empty frame at the head of every message; 2, 3, 4 for the client’s REQUEST, PARTIAL, FINAL; ' +
      'no service frame in what a client gets',
    out: (frames) => [empty, ...(isClient(frames) ? commandAs(frames, frames[1]![0]! + 1) : frames)],
    into(received) {
      const frames = withoutEmpty(received);
      if (!isClient(frames)) return frames;
      return [frames[0]!, Uint8Array.of(frames[1]![0]! - 1), empty, ...frames.slice(2)];
    },
  },
};
