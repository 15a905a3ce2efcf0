/**
 * Input files made from the seed: stretches of zeros, text and noise, copies with changes in them. A file may change
 * under way: then its path has another state, with another identity, and the old bytes are no longer to be had.
 */
import { createHash } from 'node:crypto';
import { provisionalId } from '../../cache/identity.js';
import type { Measured } from '../../cache/inputs.js';
import type { StatIdentity } from '../../protocol/index.js';
import type { Random } from '../random.js';

export interface FileState {
  readonly path: string;
  readonly identity: StatIdentity;
  /** Provisional name of this state. */
  readonly id: string;
  /** Of the content. */
  readonly hash: string;
  readonly bytes: Uint8Array;
}

const words = 'the firmware of a router holds a kernel, a squashfs image and a table of keys '.repeat(60);

/** Zones of very different entropy, with borders that lie on no block. */
export function content(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const zone = Math.min(length - at, random.int(1, Math.max(4096, Math.ceil(length / 5))));
    const kind = random.int(0, 3);
    if (kind === 1) bytes.set(Buffer.from(words.repeat(Math.ceil(zone / words.length))).subarray(0, zone), at);
    else if (kind === 2) noise(random, bytes.subarray(at, at + zone));
    else if (kind === 3) bytes.fill(random.int(0, 255), at, at + zone);
    at += zone;
  }
  return bytes;
}

/** Pseudo-random bytes, four a draw. */
function noise(random: Random, bytes: Uint8Array): void {
  let bits = random.bits() | 1;
  for (let i = 0; i < bytes.length; i++) {
    if ((i & 3) === 0) {
      bits ^= bits << 13;
      bits ^= bits >>> 17;
      bits ^= bits << 5;
    }
    bytes[i] = bits >>> (8 * (i & 3));
  }
}

/** A copy with a few stretches of it changed, cut or made longer. */
export function variant(random: Random, bytes: Uint8Array): Uint8Array {
  const length = random.chance(0.5) ? bytes.length : Math.max(0, bytes.length + random.int(-9000, 9000));
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  for (let i = random.int(0, 40); i > 0 && length > 0; i--) {
    const at = random.int(0, length - 1);
    const stretch = random.chance(0.2) ? random.int(1, 70_000) : random.int(1, 90);
    for (let j = at; j < Math.min(length, at + stretch); j++) copy[j] = copy[j]! ^ random.int(0, 255);
  }
  return copy;
}

export class Files {
  readonly #states = new Map<string, FileState>();
  /** Every state that ever was, by provisional id. */
  readonly #history = new Map<string, FileState>();
  #changes = 0;

  constructor(readonly random: Random) {}

  put(path: string, bytes: Uint8Array): FileState {
    const mtimeNs = `${1_700_000_000 + ++this.#changes}000000000`;
    const ino = this.#states.get(path)?.identity.ino ?? String(100 + this.#states.size);
    const identity: StatIdentity = { dev: '1', ino, size: bytes.length, mtimeNs, ctimeNs: mtimeNs };
    const hash = createHash('sha256').update(bytes).digest('hex');
    const state = { path, identity, id: provisionalId(identity), hash, bytes };
    this.#states.set(path, state);
    this.#history.set(state.id, state);
    return state;
  }

  /** Other content under the same path. */
  change(path: string): FileState {
    return this.put(path, variant(this.random, this.#states.get(path)!.bytes));
  }

  get(path: string): FileState | undefined {
    return this.#states.get(path);
  }

  byId(id: string): FileState | undefined {
    return this.#history.get(id);
  }

  paths(): readonly string[] {
    return [...this.#states.keys()];
  }
}

export function measuredOf({ path, identity, id }: FileState): Measured {
  const bytes = new Uint8Array(Buffer.from(path));
  return { path: bytes, realPath: bytes, identity, size: identity.size, id, young: false };
}

export const textOf = (path: Uint8Array): string => Buffer.from(path).toString();
