/** The golden vectors against the code, and against a msgpack reader that is not ours. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import msgpackLite from 'msgpack-lite';
import {
  checkDescriptor,
  decodeNpy,
  decodePart,
  descriptorDigest,
  type Fault,
  type FieldSpec,
  gather,
  type Params,
  type Part,
} from '../../protocol/index.js';
import { packageRoot } from '../root.js';
import { allVectors } from './all.js';
import { hexOf, type Json, ofHex, ofJson, toJson } from './json.js';
import type { Reaction } from './refused.js';
import { type Direction, decodeAs, encodeAs } from './wire.js';

const folder = join(packageRoot, 'protocol', 'vectors');
const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'));

interface MessageVector {
  readonly name: string;
  readonly direction: Direction;
  readonly message: Json;
  readonly frames: readonly string[];
}

type RefusedVector = MessageVector & { readonly reason: string; readonly reaction: Reaction };

const messageFiles = ['messages-client.json', 'messages-worker.json', 'messages-plain.json', 'errors.json'];
const messageVectors: MessageVector[] = messageFiles.flatMap((file) => read(file));

/** Arrays of a message from JSON are lists of numbers; our encoder takes columns. */
function revived(message: Json): unknown {
  const value = ofJson(message) as { report?: { arrays: { [name: string]: { data: number[] } } } };
  if (value.report) {
    for (const array of Object.values(value.report.arrays)) {
      (array as { data: unknown }).data = Float64Array.from(array.data);
    }
  }
  return value;
}

describe('the golden vectors', () => {
  it('are what the code makes of their sources: run dist/spec/vectors/generate.js --write, and review the diff', () => {
    const made = allVectors();
    const differ = Object.entries(made)
      .filter(([file, text]) => readFileSync(join(folder, file), 'utf8') !== text)
      .map(([file]) => file);
    expect(differ).to.deep.equal([]);
    const held = readdirSync(folder).filter((file) => file.endsWith('.json'));
    expect(held.sort()).to.deep.equal(Object.keys(made).sort());
  });

  it('have a name of their own each', () => {
    const names = messageVectors.map(({ name, direction }) => `${direction} ${name}`);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).to.deep.equal([]);
  });

  for (const { name, direction, message, frames } of messageVectors) {
    it(`${direction}: ${name}, there and back`, () => {
      expect(encodeAs(direction, revived(message)).map(hexOf)).to.deep.equal(frames);
      expect(toJson(decodeAs(direction, frames.map(ofHex)))).to.deep.equal(message);
    });
  }

  for (const { name, direction, message, frames } of read('accepted.json') as MessageVector[]) {
    it(`${direction}: takes ${name}`, () => {
      expect(toJson(decodeAs(direction, frames.map(ofHex)))).to.deep.equal(message);
    });
  }

  for (const { name, direction, frames, reason, reaction } of read('invalid.json') as RefusedVector[]) {
    it(`${direction}: refuses ${name}`, () => {
      const message = decodeAs(direction, frames.map(ofHex)) as { kind: string; reason?: string; fault?: Fault };
      expect(message.kind).to.equal(reaction === 'error' ? 'badRequest' : 'invalid');
      expect(message.reason ?? message.fault?.message).to.include(reason);
    });
  }
});

/** Where the header map stands in a message of the v2 dialect, if it has one. */
function headerMapOf(frames: readonly string[]): string | undefined {
  return frames.slice(2).find((frame) => frame.startsWith('8') || frame.startsWith('de') || frame.startsWith('df'));
}

describe('the header maps of the vectors', () => {
  const v2 = messageVectors.filter(({ frames }) => frames[0]?.startsWith(hexOf(Buffer.from('BX'))));
  const withMap = v2.filter(({ frames }) => headerMapOf(frames) !== undefined);

  it('are there to be read', () => {
    expect(withMap.length).to.be.greaterThan(60);
  });

  for (const { name, direction, message, frames } of withMap) {
    it(`${direction}: ${name} is plain msgpack to msgpack-lite`, () => {
      const map = msgpackLite.decode(Buffer.from(headerMapOf(frames)!, 'hex')) as { [key: string]: unknown };
      expect(map).to.be.an('object');
      const expected = message as { [key: string]: Json };
      for (const key of ['requestId', 'attempt', 'epoch', 'clientId', 'heartbeatMs', 'credit', 'slot', 'outcome']) {
        // msgpack-lite reads 64-bit integers as numbers, exact up to 2^53−1.
        if (expected[key] !== undefined) expect(map[key], key).to.equal(expected[key]);
      }
      if (expected.task) {
        // Those of a finish stand behind the map.
        const { frames: _, ...task } = expected.task as { [key: string]: Json };
        expect(toJson(map.task), 'task').to.deep.equal(task);
      }
      if (expected.descriptor) expect(toJson(map.descriptor)).to.deep.equal(expected.descriptor);
      if (expected.fault) expect(toJson(map)).to.deep.include(expected.fault as { [key: string]: Json });
    });
  }
});

describe('npy.json', () => {
  const { arrays, read: alsoRead, refused } = read('npy.json');

  for (const { name, array, frame } of [...arrays, ...alsoRead]) {
    it(`reads ${name}`, () => {
      expect(toJson(decodeNpy(ofHex(frame)))).to.deep.equal(array);
    });
    it(`reads ${name} wherever the frame lies in memory`, () => {
      for (let shift = 1; shift < 8; shift++) {
        const memory = Buffer.concat([Buffer.alloc(shift), ofHex(frame)]);
        expect(toJson(decodeNpy(memory.subarray(shift)))).to.deep.equal(array);
      }
    });
  }

  for (const { name, frame } of refused) {
    it(`refuses ${name}`, () => {
      expect(() => decodeNpy(ofHex(frame)).data)
        .to.throw()
        .with.property('name', 'BinglideError');
    });
  }
});

describe('parts.json', () => {
  interface Written extends Part {
    readonly arrays: readonly string[];
    readonly frames: readonly string[];
  }
  interface Vector {
    readonly name: string;
    readonly fields: readonly FieldSpec[];
    readonly params: Params;
    readonly pieces: readonly Written[];
    readonly whole: Written;
  }
  const decoded = (fields: readonly FieldSpec[], { arrays, frames, ...span }: Written) =>
    decodePart(fields, span, { arrays, frames: frames.map(ofHex) });
  const columnsOf = ({ columns }: Part) => toJson(columns);

  for (const { name, fields, params, pieces, whole } of read('parts.json') as Vector[]) {
    it(name, () => {
      const parts = pieces.map((piece) => decoded(fields, piece));
      expect(parts.map(columnsOf)).to.deep.equal(pieces.map((piece) => piece.columns));
      expect(columnsOf(decoded(fields, whole))).to.deep.equal(whole.columns);
      const { start, end, cellBytes } = whole;
      expect(columnsOf(gather(fields, params, parts, { start, end, cellBytes }))).to.deep.equal(whole.columns);
    });
  }
});

describe('descriptors.json', () => {
  for (const { name, descriptor, digest } of read('descriptors.json')) {
    it(`${name} has its digest, read by any msgpack or JSON`, () => {
      expect(descriptorDigest(checkDescriptor(descriptor))).to.equal(digest);
      const again = msgpackLite.decode(msgpackLite.encode(descriptor));
      expect(descriptorDigest(checkDescriptor(again))).to.equal(digest);
    });
  }
});
