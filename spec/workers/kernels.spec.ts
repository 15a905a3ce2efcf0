/** Each kernel in WebAssembly against its twin, on the same bytes, once in the module's memory and once out of it. */
import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { entropies } from '../../protocol/sample.js';
import { countClasses } from '../../workers/kernels/classes.js';
import { compareBytes } from '../../workers/kernels/difference.js';
import { addDigrams, takeDigrams } from '../../workers/kernels/digrams.js';
import { addBlocks, addLeaves, type Pieces } from '../../workers/kernels/entropy.js';
import { addHistogram, addRow } from '../../workers/kernels/histogram.js';
import { inputBytes, kernelModule, moduleBuffer, moduleOf } from '../../workers/kernels/module.js';
import { addProducts, countInCircle, groupBytes } from '../../workers/kernels/moments.js';
import { entropiesWithout, roomForBatch, roomForCell } from '../../workers/kernels/rows.js';
import { Random } from '../random.js';

const rounds = 150;
const lengthMax = 70_000;

/** Constant, random, few-valued and half-constant stretches, long enough that blocks are constant too. */
function mixed(random: Random, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const end = Math.min(length, at + random.int(1, random.pick([20, 300, 20_000])));
    const kind = random.int(0, 3);
    const value = random.int(0, 255);
    for (; at < end; at++) out[at] = kind === 0 ? value : kind === 1 ? random.bits() : kind === 2 ? at & 7 : at & value;
  }
  return out;
}

/** The bytes inside the module's memory, at any alignment, with other bytes around them. */
function inModule(random: Random, bytes: Uint8Array, input = 0): Uint8Array {
  const buffer = moduleBuffer(input, inputBytes)!;
  const at = random.int(0, 4096);
  buffer.fill(random.bits(), 0, Math.min(inputBytes, at + bytes.length + 64));
  buffer.set(bytes, at);
  return buffer.subarray(at, at + bytes.length);
}

function* inputs(seed: number): Generator<{ random: Random; plain: Uint8Array; held: Uint8Array }> {
  const random = new Random(seed);
  for (let i = 0; i < rounds; i++) {
    const plain = mixed(random, random.pick([i, random.int(0, 300), random.int(0, lengthMax), 4096, 65_536]));
    yield { random, plain, held: inModule(random, plain) };
  }
}

describe('kernels', () => {
  before('are built: npm run build', () => {
    expect(kernelModule(), 'kernels.wasm lies beside the compiled kernels').to.not.equal(null);
  });

  it('run in the module where their input lies there, and only there', () => {
    expect(moduleOf(moduleBuffer(0, 100)!)).to.equal(kernelModule());
    expect(moduleOf(moduleBuffer(1, inputBytes)!)).to.equal(kernelModule());
    expect(moduleBuffer(0, inputBytes + 1)).to.equal(null);
    expect(moduleBuffer(4, 1)).to.equal(null);
    expect(moduleOf(new Uint8Array(8))).to.equal(null);
  });

  it('do without the module where that is asked for', () => {
    const url = new URL('../../workers/kernels/module.js', import.meta.url).href;
    const script = `import { kernelModule, moduleBuffer } from ${JSON.stringify(url)};
      console.log(kernelModule(), moduleBuffer(0, 1));`;
    const env = { ...process.env, BINGLIDE_NO_WASM: '1' };
    const told = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' });
    expect(told).to.equal('null null\n');
  });

  it('histogram', () => {
    const once = (bytes: Uint8Array) => {
      const counts = new Float64Array(256).fill(1);
      addHistogram(bytes, counts);
      return counts;
    };
    for (const { plain, held } of inputs(1)) expect(once(held)).to.deep.equal(once(plain));
  });

  it('rows of counts: added up, and what all but one of them tell', () => {
    const random = new Random(9);
    const module = kernelModule()!;
    for (let round = 0; round < rounds; round++) {
      // One run more than the module has room for, and counts that it has no logarithm of, are the twin's.
      const m = random.pick([1, 2, 4, 5, 32, 33]);
      const bytes = Array.from({ length: m }, () => random.int(1, random.pick([4, 400, 4096, 20_000])));
      const plain = new Float64Array(m * 256);
      const held = roomForCell()!.length < plain.length ? plain : roomForCell()!.subarray(0, plain.length).fill(0);
      bytes.forEach((length, run) => {
        const counts = new Uint32Array(256);
        for (let i = 0; i < length; i++) counts[random.chance(0.5) ? random.int(0, 255) : run]!++;
        module.counts.set(counts);
        for (const rows of new Set([plain, held])) {
          addRow(module, module.counts, rows.subarray(run * 256, (run + 1) * 256));
        }
      });
      expect(held).to.deep.equal(plain);
      const found = entropiesWithout(held, bytes);
      expect(found).to.deep.equal(entropies(plain, bytes));
      expect(found.without.length).to.equal(m);
    }
    expect(roomForBatch(256 * 256)!.buffer).to.equal(module.inputs[0]!.buffer);
    expect(roomForBatch(256 * 256 + 1)).to.equal(null);
  });

  /** Two or three pieces that lie behind each other from an offset on. */
  const piecesOf = (bytes: Uint8Array, offset: number, cuts: readonly number[]): Pieces => {
    const edges = [0, ...cuts, bytes.length];
    return {
      rows: edges.length - 1,
      row: (i) => bytes.subarray(edges[i]!, edges[i + 1]!),
      offset: (i) => offset + edges[i]!,
    };
  };

  const identities = (rows: number) => ({
    qmin: new Int32Array(rows).fill(2 ** 31 - 1),
    qmax: new Int32Array(rows).fill(-(2 ** 31)),
  });

  it('entropy of leaves', () => {
    for (const { random, plain, held } of inputs(2)) {
      const offset = random.pick([0, 4096, random.int(0, 10_000)]);
      const fileEnd = offset + plain.length + random.pick([0, 1]);
      const middle = random.int(0, plain.length);
      const cuts = plain.length > 1 ? [middle, random.int(middle, plain.length)] : [];
      const once = (bytes: Uint8Array) => {
        const pieces = piecesOf(bytes, offset, cuts);
        const { rows } = pieces;
        const counts = new Float64Array(rows * 256);
        const leaves = identities(rows);
        addLeaves(pieces, fileEnd, counts, leaves);
        return { counts, leaves };
      };
      expect(once(held)).to.deep.equal(once(plain));
    }
  });

  it('entropy of blocks, many of one length and shorter ones at both ends', () => {
    for (const { random, plain, held } of inputs(6)) {
      if (plain.length === 0) continue;
      const block = random.pick([1, 16, 255, 4096, 4096, 8192, 10_000, 65_536]);
      const offset = random.pick([0, 4096, block * random.int(0, 5), random.int(0, 100_000)]);
      const fileEnd = offset + plain.length + random.pick([0, 1]);
      const cuts: number[] = [];
      for (let at = block - (offset % block); at < plain.length; at += block) cuts.push(at);
      const once = (bytes: Uint8Array) => {
        const pieces = piecesOf(bytes, offset, cuts);
        const q = new Uint32Array(pieces.rows);
        const total = new Float64Array(256);
        const found = identities(pieces.rows);
        addBlocks(pieces, fileEnd, q, total, found);
        return { q, total, found };
      };
      expect(once(held), `${plain.length} bytes from ${offset} in blocks of ${block}`).to.deep.equal(once(plain));
    }
  });

  it('classes', () => {
    for (const { plain, held } of inputs(3)) {
      expect(Array.from(countClasses(held))).to.deep.equal(Array.from(countClasses(plain)));
    }
    const every = Uint8Array.from({ length: 256 }, (_, value) => value);
    expect(Array.from(countClasses(every))).to.deep.equal([1, 1, 95, 5, 27, 127]);
  });

  it('classes of one value and nothing else, where every count takes up all that it can', () => {
    const held = moduleBuffer(0, 3 * 4032 + 77)!;
    for (const bytes of [4032, 4032 + 64, held.length]) {
      for (let value = 0; value < 256; value++) {
        const all = held.subarray(0, bytes).fill(value);
        const counts = Array.from(countClasses(all));
        const of = Array.from(countClasses(Uint8Array.of(value))).indexOf(1);
        expect(counts, `${bytes} of ${value}`).to.deep.equal(counts.map((_, i) => (i === of ? bytes : 0)));
      }
    }
  });

  it('digrams', () => {
    const once = (bytes: Uint8Array) => {
      const counts = new Float64Array(65_536);
      const task = {};
      for (let again = 0; again < 2; again++) addDigrams(bytes, counts, task);
      takeDigrams(counts, task);
      return Buffer.from(counts.buffer);
    };
    for (const { plain, held } of inputs(4)) expect(once(held).equals(once(plain))).to.equal(true);
  });

  it('digrams of more than 2^32 pairs, which are more than the module’s tables hold', () => {
    const bytes = inModule(new Random(1), new Uint8Array(2 ** 20));
    const counts = new Float64Array(65_536);
    const task = {};
    const pieces = 4100;
    for (let piece = 0; piece < pieces; piece++) addDigrams(bytes, counts, task);
    takeDigrams(counts, task);
    expect(counts[0]).to.equal(pieces * (2 ** 20 - 1));
  });

  it('digrams of one task and not of another, which ended before its time', () => {
    const [ended, task] = [{}, {}];
    const counts = new Float64Array(65_536);
    addDigrams(inModule(new Random(1), new Uint8Array(40_001)), counts, ended);
    const bytes = inModule(new Random(1), new Uint8Array(50_001).fill(7));
    addDigrams(bytes, counts, task);
    takeDigrams(counts, ended);
    takeDigrams(counts, task);
    takeDigrams(counts, task);
    expect(counts.reduce((sum, count) => sum + count)).to.equal(50_000);
    expect(counts[7 * 257]).to.equal(50_000);
  });

  it('products and points', () => {
    const once = (bytes: Uint8Array) => {
      const sums = new Float64Array(2);
      addProducts(bytes, sums);
      return sums;
    };
    for (const { plain, held } of inputs(5)) {
      expect(once(held)).to.deep.equal(once(plain));
      expect(countInCircle(held)).to.equal(countInCircle(plain));
    }
    const most = new Uint8Array(1 << 20).fill(255);
    expect(once(inModule(new Random(1), most))).to.deep.equal(Float64Array.of(((1 << 20) - 1) * 254, (1 << 20) - 1));
    const onTheCircle = Uint8Array.of(255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 0, 1, 0, 0, 0, 255, 255, 255);
    for (const length of [1, 2, 3].map((groups) => groups * groupBytes)) {
      const bytes = onTheCircle.subarray(0, length);
      expect(countInCircle(inModule(new Random(2), bytes))).to.equal(countInCircle(bytes));
    }
    expect(countInCircle(onTheCircle)).to.equal(2);
  });

  it('differences', () => {
    for (const { random, plain, held } of inputs(6)) {
      const other = Uint8Array.from(plain);
      const density = random.pick([0, 0.001, 0.1, 0.5, 1]);
      for (let i = 0; i < other.length; i++) if (random.chance(density)) other[i] = random.bits();
      const gap = random.pick([0, 1, 64, Number.MAX_SAFE_INTEGER]);
      const once = (a: Uint8Array, b: Uint8Array) => {
        const xor = new Float64Array(256);
        const places: number[] = [];
        const found = compareBytes(a, b, gap, xor, (list, count) => places.push(...list.subarray(0, 3 * count)));
        return { found, xor, places };
      };
      expect(once(held, inModule(random, other, 1))).to.deep.equal(once(plain, other));
    }
  });

  it('differences in more places than the module’s list holds', () => {
    const plain = new Uint8Array(60_000);
    const other = plain.map((_, i) => i & 1);
    const once = (a: Uint8Array, b: Uint8Array) => {
      const places: number[] = [];
      const found = compareBytes(a, b, 0, new Float64Array(256), (list, count) => {
        for (let i = 0; i < 3 * count; i++) places.push(list[i]!);
      });
      return { found, places };
    };
    const random = new Random(7);
    const inside = once(inModule(random, plain), inModule(random, other, 1));
    expect(inside.places.length).to.equal(3 * 30_000);
    expect(inside).to.deep.equal(once(plain, other));
  });
});
