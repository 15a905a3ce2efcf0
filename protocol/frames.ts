/**
 * The first two frames of every message: six bytes that name dialect and side, one byte that names the command.
 * BXMDPv2.md §3 is the table; RFC 18 is the authority for MDPC02 and MDPW02.
 */
export const headers = { MDPC02: 'MDPC02', MDPW02: 'MDPW02', BXMC02: 'BXMC02', BXMW02: 'BXMW02' } as const;
export type Header = keyof typeof headers;

/** RFC 18 and v2 client side. 0x05 and up exist in v2 only. */
export const clientCommand = {
  REQUEST: 1,
  PARTIAL: 2,
  FINAL: 3,
  HEARTBEAT: 5,
  DISCONNECT: 6,
  HELLO: 7,
  WELCOME: 8,
  CANCEL: 9,
  ERROR: 10,
} as const;
/** RFC 18 and v2 worker side. 0x08 and up exist in v2 only. */
export const workerCommand = {
  READY: 1,
  REQUEST: 2,
  PARTIAL: 3,
  FINAL: 4,
  HEARTBEAT: 5,
  DISCONNECT: 6,
  WELCOME: 8,
  CANCEL: 9,
  ERROR: 10,
} as const;

/** The first body frame of an error to a plain MDP client. */
export const plainErrorMark = 'BXERR02';
/** The first frame of a cancellation on the PUB socket; the second is the job id. */
export const cancelTopic = 'cancel';
/** An idle PUB forgets subscribers only when it sends: this topic is sent with the heartbeats. */
export const tickTopic = 'tick';

export type Frames = readonly Uint8Array[];

export function text(frame: Uint8Array): string {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString('utf8');
}

export function headerOf(frames: Frames): Header | undefined {
  const first = frames[0];
  if (first?.length !== 6) return undefined;
  const name = text(first);
  return Object.hasOwn(headers, name) ? (name as Header) : undefined;
}

const headerFrames = Object.fromEntries(Object.keys(headers).map((name) => [name, Buffer.from(name)]));
const commandFrames = Array.from({ length: 16 }, (_, command) => Buffer.from([command]));

export function envelope(header: Header, command: number, ...rest: (Uint8Array | string)[]): Uint8Array[] {
  return [
    headerFrames[header]!,
    commandFrames[command]!,
    ...rest.map((frame) => (typeof frame === 'string' ? Buffer.from(frame) : frame)),
  ];
}
