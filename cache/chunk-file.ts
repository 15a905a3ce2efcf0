/**
 * One chunk as a file: a sealed header {service, version, start, end, cellBytes, arrays, lengths, digest} and a .npy
 * frame an array, end to end. `digest` is the BLAKE3 of all that follows the header, so every byte of the file is
 * vouched for. The header holds no id: the file can be moved when a content hash becomes known.
 */
import {
  type Descriptor,
  decodeNpy,
  decodePart,
  descriptorDigest,
  encodePart,
  type FieldSpec,
  type Form,
  fieldsOf,
  type Part,
  type PartFrames,
  type PlainMap,
  type Span,
} from '../protocol/index.js';
import { blake3Hex } from './hash.js';
import type { ChunkName } from './names.js';
import { seal, unseal } from './sealed.js';

/** What the parts of one service look like, and the folder that they rest in. */
export interface PartKind {
  readonly service: string;
  readonly version: number | string;
  readonly digest: string;
  readonly fields: readonly FieldSpec[];
}

export function partKind(descriptor: Descriptor, form: Form): PartKind {
  const { name: service, version } = descriptor;
  return { service, version, digest: descriptorDigest(descriptor), fields: fieldsOf(descriptor, form) };
}

export interface ChunkHeader extends Span {
  readonly service: string;
  readonly version: number | string;
}

const magic = 'BXCHUNK1';

export function encodeChunk({ service, version, fields }: PartKind, part: Part): Uint8Array {
  const { arrays, frames } = encodePart(fields, part);
  const { start, end, cellBytes } = part;
  const lengths = frames.map((frame) => frame.length);
  const digest = blake3Hex(...frames);
  const header = seal(magic, { service, version, start, end, cellBytes, arrays, lengths, digest });
  return Buffer.concat([header, ...frames]);
}

/** The part in a chunk file of that name; undefined where anything at all is wrong with it. */
export function decodeChunk(kind: PartKind, name: ChunkName, bytes: Uint8Array, span?: Span): Part | undefined {
  const chunk = openChunk(bytes, name);
  if (!chunk || chunk.header.service !== kind.service || chunk.header.version !== kind.version) return undefined;
  if (span && !sameSpan(span, chunk.header)) return undefined;
  try {
    return decodePart(kind.fields, chunk.header, chunk.frames);
  } catch {
    return undefined;
  }
}

/** Is it a whole chunk file of that name? All that can be told without knowing the service. */
export function isSoundChunk(name: ChunkName, bytes: Uint8Array): boolean {
  try {
    const chunk = openChunk(bytes, name);
    chunk?.frames.frames.forEach(decodeNpy);
    return chunk !== undefined;
  } catch {
    return false;
  }
}

function openChunk(bytes: Uint8Array, name: ChunkName): { header: ChunkHeader; frames: PartFrames } | undefined {
  const sealed = unseal(magic, bytes);
  const header = sealed && headerOf(sealed.map);
  if (!sealed || !header || blake3Hex(sealed.rest) !== sealed.map.digest) return undefined;
  if (header.service !== name.service || header.start !== name.start || header.end > name.end) return undefined;
  const { arrays, lengths } = sealed.map;
  if (!isListOf(arrays, 'string') || !isListOf(lengths, 'number') || arrays.length !== lengths.length) return undefined;
  const frames: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    frames.push(sealed.rest.subarray(at, at + length));
    at += length;
  }
  return at === sealed.rest.length ? { header, frames: { arrays, frames } } : undefined;
}

function headerOf({ service, version, start, end, cellBytes }: PlainMap): ChunkHeader | undefined {
  const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (typeof service !== 'string' || (typeof version !== 'string' && typeof version !== 'number')) return undefined;
  if (!isOffset(start) || !isOffset(end) || !isOffset(cellBytes) || start > end) return undefined;
  return { service, version, start, end, cellBytes };
}

function sameSpan(a: Span, b: Span): boolean {
  return a.start === b.start && a.end === b.end && a.cellBytes === b.cellBytes;
}

function isListOf<T extends 'string' | 'number'>(
  value: unknown,
  type: T,
): value is (T extends 'string' ? string : number)[] {
  return Array.isArray(value) && value.every((item) => typeof item === type);
}
