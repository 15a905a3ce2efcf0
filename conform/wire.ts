/**
 * Frames as RFC 18 and BXMDPv2 section 3.2 write them: headers, commands, and how a message is shown in a report. It
 * knows the specification only, nothing of this repository's other code.
 */
import { pack } from './msgpack.js';

export type Header = 'MDPC02' | 'MDPW02' | 'BXMC02' | 'BXMW02';
export type Frames = readonly Uint8Array[];

export const commandNames: { readonly [header in Header]: { readonly [command: number]: string } } = {
  MDPC02: { 1: 'REQUEST', 2: 'PARTIAL', 3: 'FINAL' },
  MDPW02: { 1: 'READY', 2: 'REQUEST', 3: 'PARTIAL', 4: 'FINAL', 5: 'HEARTBEAT', 6: 'DISCONNECT' },
  BXMC02: {
    1: 'REQUEST',
    2: 'PARTIAL',
    3: 'FINAL',
    5: 'HEARTBEAT',
    6: 'DISCONNECT',
    7: 'HELLO',
    8: 'WELCOME',
    9: 'CANCEL',
    10: 'ERROR',
  },
  BXMW02: {
    1: 'READY',
    2: 'REQUEST',
    4: 'FINAL',
    5: 'HEARTBEAT',
    6: 'DISCONNECT',
    8: 'WELCOME',
    9: 'CANCEL',
    10: 'ERROR',
  },
};

export const empty = new Uint8Array(0);

type Piece = Uint8Array | string | { readonly [key: string]: unknown };

/** A whole message: texts as UTF-8, maps as msgpack. */
export function message(header: Header, command: string, ...rest: readonly Piece[]): Uint8Array[] {
  const number = Object.entries(commandNames[header]).find(([, name]) => name === command)?.[0];
  if (number === undefined) throw new Error(`${header} has no ${command}`);
  return [Buffer.from(header), Uint8Array.of(Number(number)), ...rest.map(framed)];
}

export function framed(piece: Piece): Uint8Array {
  if (typeof piece === 'string') return Buffer.from(piece);
  return piece instanceof Uint8Array ? piece : pack(piece);
}

export const textOf = (frame: Uint8Array | undefined): string => Buffer.from(frame ?? empty).toString('utf8');

export function headerOf(frames: Frames): Header | undefined {
  const name = textOf(frames[0]);
  return Object.hasOwn(commandNames, name) ? (name as Header) : undefined;
}

/** The command's name; `?` where the first two frames do not name one. */
export function commandOf(frames: Frames): string {
  const header = headerOf(frames);
  if (header === undefined || frames[1]?.length !== 1) return '?';
  return commandNames[header][frames[1][0]!] ?? '?';
}

export function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

/** One message in a line of a report. */
export function shown(frames: Frames): string {
  const header = headerOf(frames);
  if (header === undefined || commandOf(frames) === '?') {
    const parts = frames.slice(0, 3).map((frame) => `${Buffer.from(frame.subarray(0, 8)).toString('hex') || 'empty'}`);
    return `${frames.length} frames [${parts.join(' ')}${frames.length > 3 ? ' …' : ''}]`;
  }
  const more = frames.length > 2 ? ` and ${frames.length - 2} frames` : '';
  return `${header} ${commandOf(frames)}${more}`;
}
