/**
 * The files that a service is checked on: one of mixed content, a copy that differs, a long one that is all holes, and
 * files that change or that no worker may open. All in a folder of their own, which goes with `remove`.
 */
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { Random } from './random.js';

const mib = 2 ** 20;
/** Two pieces of 8 MiB and something odd. */
const madeBytes = 17 * mib + 4_321;
/** Stretches of one content, in bytes. */
const stretchMin = 700;
const stretchMax = 90_000;
const words = 'the quick brown fox jumps over a lazy dog, 0123456789; if (x > 0) return "binglide";\n';
/** More than any worker reads in a minute. */
const longBytes = 256 * 2 ** 30;

export class Material {
  /** A root of the worker. */
  readonly folder: string;
  readonly #all: string;

  private constructor(all: string) {
    this.#all = all;
    this.folder = join(all, 'files');
    mkdirSync(this.folder);
    mkdirSync(join(all, 'outside'));
  }

  static make(): Material {
    return new Material(realpathSync(mkdtempSync(join(tmpdir(), 'binglide-check-'))));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, bytes: Uint8Array | string): string {
    writeFileSync(this.path(name), bytes);
    return this.path(name);
  }

  /** Random bytes, text, zeros, one value, records; of odd length. */
  mixed(seed: number): string {
    return this.write('mixed.bin', mixedBytes(madeBytes, new Random(seed, 'mixed')));
  }

  /** All holes: as long as it takes. Null where the file system does not have such files. */
  long(): { readonly path: string; readonly bytes: number } | null {
    const path = this.write('long.bin', '');
    for (const bytes of [longBytes, longBytes / 64]) {
      try {
        truncateSync(path, bytes);
        return { path, bytes: statSync(path).size };
      } catch {
        // Shorter, or not at all.
      }
    }
    return null;
  }

  /** A file under none of the roots, and a link to it under one; null where the roots hold everything. */
  outside(roots: readonly string[]): { readonly file: string; readonly link: string } | null {
    const own = join(this.#all, 'outside', 'file.bin');
    writeFileSync(own, 'out of reach');
    const isInside = (path: string) =>
      roots.some((root) => path === root || path.startsWith(root.endsWith(sep) ? root : root + sep));
    const file = [own, realpathSync(process.execPath), '/etc/passwd'].find((path) => !isInside(path));
    if (file === undefined) return null;
    const link = this.path('link');
    symlinkSync(file, link);
    return { file, link };
  }

  remove(): Promise<void> {
    return rm(this.#all, { recursive: true, force: true });
  }
}

export function folderOf(path: string): string {
  return realpathSync(dirname(realpathSync(path)));
}

export function firstBytes(path: string, length: number): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
  } finally {
    closeSync(file);
  }
}

export function mixedBytes(length: number, random: Random): Uint8Array {
  const out = new Uint8Array(length);
  for (let at = 0, kind = 0; at < length; kind++) {
    const end = Math.min(length, at + random.int(stretchMin, stretchMax));
    fillStretch(out.subarray(at, end), kind % 5, random);
    at = end;
  }
  return out;
}

function fillStretch(out: Uint8Array, kind: number, random: Random): void {
  const value = random.int(1, 255);
  const record = random.int(3, 60);
  for (let i = 0; i < out.length; i++) {
    if (kind === 0) out[i] = random.bits();
    else if (kind === 1) out[i] = words.charCodeAt((i * 7 + (i >> 6) * value) % words.length);
    else if (kind === 3) out[i] = value;
    // Records: a counter, constants and a little noise.
    else if (kind === 4) out[i] = i % record === 0 ? i / record : i % record === 1 ? random.bits() & 3 : i % record;
  }
}

/** The same with stretches and single bytes that differ. */
export function alteredBytes(from: Uint8Array, random: Random): Uint8Array {
  const out = Uint8Array.from(from);
  for (let i = 0; i < from.length / 20_000; i++) {
    const at = random.int(0, from.length - 1);
    const end = Math.min(from.length, at + (i % 2 === 0 ? 1 : random.int(1, 2000)));
    for (let p = at; p < end; p++) out[p] = random.bits();
  }
  return out;
}
