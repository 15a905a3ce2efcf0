/** Kinds of content that files are made of; each follows from its seed. */
import { readFileSync } from 'node:fs';
import { Random } from '../../spec/random.js';

export type Content = (piece: Buffer, seed: number) => void;

/** The program that runs us: some 90 MiB of code and tables. */
let program: Buffer | undefined;

/** A piece begins at a multiple of 4 in memory. */
export const random: Content = (piece, seed) => {
  const source = new Random(seed);
  const words = new Uint32Array(piece.buffer, piece.byteOffset, piece.length >> 2);
  for (let i = 0; i < words.length; i++) words[i] = source.bits();
  for (let i = words.length * 4; i < piece.length; i++) piece[i] = source.bits() & 255;
};

export const code: Content = (piece, seed) => {
  program ??= readFileSync(process.execPath);
  const at = Math.floor(new Random(seed).unit() * program.length);
  for (let i = 0; i < piece.length; ) i += program.copy(piece, i, (at + i) % program.length);
};

export const text: Content = (piece, seed) => {
  for (let i = 0, line = seed; i < piece.length; line++) {
    i += piece.write(`${line} the quick brown fox jumps over the lazy dog, and again ${line * 7919}\n`, i, 'latin1');
  }
};

export const zeros: Content = (piece) => {
  piece.fill(0);
};

/** Records of 32 bytes as tables of numbers have them: a counter, small values, a float, padding. */
export const records: Content = (piece, seed) => {
  const source = new Random(seed);
  const record = Buffer.alloc(32);
  for (let i = 0, id = seed; i < piece.length; i += record.length, id++) {
    record.writeUInt32LE(id >>> 0, 0);
    record.writeUInt16LE(source.int(0, 500), 4);
    record.writeUInt8(source.int(0, 3), 6);
    record.writeDoubleLE(source.unit() * 1000, 8);
    record.writeUInt32LE((1_700_000_000 + id * 60) % 2 ** 32, 16);
    record.copy(piece, i);
  }
};
