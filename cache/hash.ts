/**
 * BLAKE3, as b3sum prints it. Two engines with equal digests: the native one where it loads, else WebAssembly
 * (about a tenth of the speed). Either is loaded at its first use, since loading costs milliseconds.
 */
import { createRequire } from 'node:module';

export type EngineName = 'native' | 'portable';

/** A hash under way. `hex` ends it; a hasher that is given up is disposed of. */
export interface Blake3 {
  update(bytes: Uint8Array): void;
  hex(): string;
  dispose(): void;
}

export interface Engine {
  readonly name: EngineName;
  create(): Blake3;
}

const load = createRequire(import.meta.url);

/** Undefined where the platform has no such binary or it was not installed. */
export function openNative(): Engine | undefined {
  try {
    const { Blake3Hasher } = load('@napi-rs/blake-hash') as typeof import('@napi-rs/blake-hash');
    const create = (): Blake3 => {
      const hasher = new Blake3Hasher();
      return {
        update: (bytes) => void hasher.update(bytes),
        hex: () => hasher.digest('hex'),
        dispose: () => undefined,
      };
    };
    return { name: 'native', create };
  } catch {
    return undefined;
  }
}

export function openPortable(): Engine {
  const { createHash } = load('blake3') as typeof import('blake3');
  const create = (): Blake3 => {
    const hasher = createHash();
    return {
      update: (bytes) => void hasher.update(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
      hex: () => hasher.digest('hex'),
      // Its memory lies outside the garbage collector's reach.
      dispose: () => hasher.dispose(),
    };
  };
  return { name: 'portable', create };
}

let engine: Engine | undefined;

/** The engine in use. */
export function hashEngine(): Engine {
  engine ??= openNative() ?? openPortable();
  return engine;
}

export function createBlake3(): Blake3 {
  return hashEngine().create();
}

/** 64 hex digits. */
export function blake3Hex(...pieces: readonly Uint8Array[]): string {
  const hasher = createBlake3();
  for (const piece of pieces) hasher.update(piece);
  return hasher.hex();
}
