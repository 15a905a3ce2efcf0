/**
 * The names of things on the wire, each with a type of its own so that one cannot be passed for another.
 *
 * A job id is `len(clientId):clientId` followed by the request number: a client knows it before it sends, it is
 * printable, and whoever asks on the job's behalf carries it on.
 */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** 128 random bits in lower-case base32 (26 characters); survives reconnects. */
export type ClientId = Branded<string, 'ClientId'>;
/** Numbers the requests of one client, from 1; a safe integer. */
export type RequestId = Branded<number, 'RequestId'>;
/** `len(clientId):clientId+requestId`. */
export type JobId = Branded<string, 'JobId'>;
/** A ZeroMQ routing id in hex: one connection of one peer; a reconnected peer has a new one. */
export type PeerId = Branded<string, 'PeerId'>;
/** Names the place where one task at a time runs; workers of one process share it. */
export type SlotId = Branded<string, 'SlotId'>;
/** Numbers the assignments of one broker life, from 1. */
export type Attempt = Branded<number, 'Attempt'>;
/** Random, new with every broker start: makes attempts of two lives differ. */
export type Epoch = Branded<string, 'Epoch'>;

const base32Alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** Lower-case RFC 4648 base32 without padding. */
export function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += base32Alphabet[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + base32Alphabet[(held << (5 - bits)) & 31] : text;
}

export function clientIdOf(random: Uint8Array): ClientId {
  return base32(random) as ClientId;
}

export function isClientId(text: unknown): text is ClientId {
  return typeof text === 'string' && /^[a-z2-7]{16,64}$/.test(text);
}

export function jobIdOf(client: ClientId, request: RequestId): JobId {
  return `${client.length}:${client}${request}` as JobId;
}

/** The two halves of a job id, or undefined where the text is none. */
export function parseJobId(text: string): { client: ClientId; request: RequestId } | undefined {
  const colon = text.indexOf(':');
  const length = Number(text.slice(0, colon));
  if (colon < 1 || !Number.isInteger(length) || text.slice(0, colon) !== String(length)) return undefined;
  const client = text.slice(colon + 1, colon + 1 + length);
  const number = text.slice(colon + 1 + length);
  const request = Number(number);
  if (!/^[\x21-\x7e]{1,255}$/.test(client)) return undefined;
  if (client.length !== length || String(request) !== number || !Number.isSafeInteger(request) || request < 0) {
    return undefined;
  }
  return { client: client as ClientId, request: request as RequestId };
}
