/**
 * The laws of the merge algebra, against parts that were computed in one piece: any split of any span folds to the same,
 * in whatever grouping, and cells add up to coarser ones and can be cut out.
 */
import { expect } from 'chai';
import {
  cellBounds,
  cellCount,
  combine,
  concatWidth,
  type FieldSpec,
  gather,
  identityOf,
  type Part,
  rowWidth,
  runWidth,
  type Span,
} from '../../protocol/index.js';
import { Random } from '../random.js';
import { cellFields, cut, fileOf, once, params, partOf, wholeFields } from './world.js';

const rounds = 300;
const lengthMax = 120;

interface Round {
  readonly random: Random;
  readonly file: Uint8Array;
  readonly span: Span;
}

/** Files and spans of every kind, edges and empty ones among them. */
function* worlds(seed: number): Generator<Round> {
  const random = new Random(seed);
  for (let i = 0; i < rounds; i++) {
    const file = fileOf(random, random.int(0, lengthMax));
    const start = random.int(0, file.length);
    const end = random.int(start, file.length);
    yield { random, file, span: { start, end, cellBytes: random.pick([0, 1, 2, 8, 32, 256]) } };
  }
}

const fold = (fields: readonly FieldSpec[], parts: readonly Part[], span: Span) => gather(fields, params, parts, span);

/** Edges of cells of the span, its own bounds among them. */
function edgesOf(span: Span): number[] {
  return [...Array.from({ length: cellCount(span) }, (_, i) => cellBounds(span, i)[0]), span.end];
}

describe('a grid', () => {
  it('has its cells on multiples from offset 0, the first and last clipped', () => {
    const span = { start: 5, end: 18, cellBytes: 4 };
    const cells = Array.from({ length: cellCount(span) }, (_, i) => cellBounds(span, i));
    expect(cells).to.deep.equal([
      [5, 8],
      [8, 12],
      [12, 16],
      [16, 18],
    ]);
  });

  it('counts right at its edges and past 2^32', () => {
    const counts = [
      [0, 0, 4096],
      [0, 1, 4096],
      [0, 4096, 4096],
      [4095, 4097, 4096],
      [4096, 8192, 4096],
      [2 ** 40, 2 ** 40 + 1, 2 ** 30],
      [7, 3, 1],
      [0, 100, 0],
      [5, 5, 0],
    ].map(([start, end, cellBytes]) => cellCount({ start: start!, end: end!, cellBytes: cellBytes! }));
    expect(counts).to.deep.equal([0, 1, 1, 2, 1, 1, 0, 1, 1]);
  });
});

describe('the merge algebra', () => {
  for (const [what, fields] of [
    ['fields of cells', cellFields],
    ['whole fields', wholeFields],
  ] as const) {
    it(`${what}: any split equals the whole`, () => {
      for (const { random, file, span } of worlds(10)) {
        const parts = cut(random, span).map((piece) => partOf(file, fields, piece));
        expect(fold(fields, parts, span)).to.deep.equal(partOf(file, fields, span));
      }
    });

    it(`${what}: in whatever grouping (associative)`, () => {
      for (const { random, file, span } of worlds(11)) {
        const pieces = cut(random, span);
        const parts = pieces.map((piece) => partOf(file, fields, piece));
        const at = random.int(0, pieces.length);
        const left = { ...span, end: pieces[at]?.start ?? span.end };
        const right = { ...span, start: left.end };
        const grouped = [fold(fields, parts.slice(0, at), left), fold(fields, parts.slice(at), right)];
        expect(fold(fields, grouped, span)).to.deep.equal(fold(fields, parts, span));
      }
    });

    it(`${what}: an empty piece changes nothing, wherever (identity)`, () => {
      for (const { random, file, span } of worlds(12)) {
        const part = partOf(file, fields, span);
        const empty = (at: number) => partOf(file, fields, { ...span, start: at, end: at });
        const parts = random.pick([
          [empty(span.start), part],
          [part, empty(span.end)],
          [empty(span.start), part, empty(span.end)],
        ]);
        expect(fold(fields, parts, span)).to.deep.equal(part);
      }
    });
  }

  it('sum, min, max and or commute', () => {
    const random = new Random(13);
    for (const field of cellFields.filter((it) => !['run', 'concat'].includes(it.merge))) {
      const width = field.name === 'counts' ? 4 : field.name === 'or' ? 2 : 1;
      for (let i = 0; i < 50; i++) {
        const a = Float64Array.from({ length: width }, () => random.int(0, 255));
        const b = Float64Array.from({ length: width }, () => random.int(0, 255));
        const [ab, ba] = [a.slice(), b.slice()];
        combine(field, ab, 0, b, 0, width);
        combine(field, ba, 0, a, 0, width);
        expect(ab, field.name).to.deep.equal(ba);
      }
    }
  });

  it('cells add up to coarser ones, and to one', () => {
    for (const { random, file, span } of worlds(14)) {
      if (span.cellBytes === 0) continue;
      const coarse = { ...span, cellBytes: random.pick([0, span.cellBytes * 2, span.cellBytes * 8]) };
      expect(fold(cellFields, [partOf(file, cellFields, span)], coarse)).to.deep.equal(
        partOf(file, cellFields, coarse),
      );
    }
  });

  it('some cells can be cut out of a part, from edge to edge', () => {
    for (const { random, file, span } of worlds(15)) {
      if (span.cellBytes === 0) continue;
      const edges = edgesOf(span);
      const from = random.int(0, edges.length - 1);
      const cutOut = { ...span, start: edges[from]!, end: edges[random.int(from, edges.length - 1)]! };
      const parts = cut(random, span).map((piece) => partOf(file, cellFields, piece));
      expect(fold(cellFields, parts, cutOut)).to.deep.equal(partOf(file, cellFields, cutOut));
    }
  });

  it('cells that were computed whole stand side by side', () => {
    for (const { random, file, span } of worlds(16)) {
      if (span.cellBytes === 0) continue;
      const edges = edgesOf(span);
      const middle = random.pick(edges);
      const parts = [partOf(file, [once], { ...span, end: middle }), partOf(file, [once], { ...span, start: middle })];
      expect(fold([once], parts, span)).to.deep.equal(partOf(file, [once], span));
    }
  });
});

describe('what the algebra refuses', () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i % 3);
  const part = (fields: readonly FieldSpec[], start: number, end: number, cellBytes: number) =>
    partOf(bytes, fields, { start, end, cellBytes });
  const span = (start: number, end: number, cellBytes: number): Span => ({ start, end, cellBytes });
  const sums = cellFields.slice(0, 1);
  const wholeSums = wholeFields.slice(0, 1);

  it('parts with a hole between them, or in another order', () => {
    const [a, b, c] = [part(sums, 0, 8, 8), part(sums, 8, 16, 8), part(sums, 16, 24, 8)];
    expect(() => fold(sums, [a, c], span(0, 24, 8))).to.throw('adjacent');
    expect(() => fold(sums, [b, a], span(0, 16, 8))).to.throw('adjacent');
    expect(() => fold(sums, [a, b], span(0, 24, 8))).to.throw('cover');
    expect(() => fold(sums, [], span(0, 24, 8))).to.throw('gathered from parts');
  });

  it('cells that are cut, or wider than those they go into', () => {
    expect(() => fold(sums, [part(sums, 0, 16, 8)], span(4, 16, 8))).to.throw('inside the span');
    expect(() => fold(sums, [part(sums, 0, 16, 8)], span(0, 16, 4))).to.throw('inside one cell');
    expect(() => fold(sums, [part(sums, 0, 12, 3)], span(0, 12, 4))).to.throw('inside one cell');
  });

  it('a row for all of a part, of which only some is wanted', () => {
    expect(() => fold(wholeSums, [part(wholeSums, 0, 16, 8)], span(0, 8, 8))).to.throw('not clipped');
    expect(() => fold(sums, [part(sums, 0, 16, 0)], span(0, 8, 0))).to.throw('not clipped');
    expect(() => fold(sums, [part(sums, 0, 16, 0)], span(0, 16, 8))).to.throw('one single cell');
  });

  it('but a part that lies outside is left out, whatever its rows', () => {
    const parts = [part(wholeSums, 0, 8, 8), part(wholeSums, 8, 16, 8), part(wholeSums, 16, 24, 8)];
    expect(fold(wholeSums, parts, span(8, 16, 8))).to.deep.equal(parts[1]);
  });

  it('a cell that two tasks computed whole', () => {
    const halves = [part([once], 0, 4, 8), part([once], 4, 8, 8)];
    expect(() => fold([once], halves, span(0, 8, 8))).to.throw('computed once');
  });

  it('sums past 2^53−1 on either side: E_RANGE', () => {
    const signed = cellFields.filter((it) => it.name === 'signed');
    for (const sign of [1, -1]) {
      const half = (start: number): Part => ({
        ...span(start, start + 1, 0),
        columns: { signed: Float64Array.of(sign * Number.MAX_SAFE_INTEGER) },
      });
      expect(() => fold(signed, [half(0), half(1)], span(0, 2, 0)))
        .to.throw()
        .with.property('code', 'E_RANGE');
    }
  });

  it('rows of different length, which only a peer can send: E_PROTOCOL', () => {
    const open: FieldSpec = { name: 'x', dtype: 'u8', merge: 'sum', cells: false };
    const piece = (start: number, ...data: number[]): Part => ({
      ...span(start, start + 1, 0),
      columns: { x: Float64Array.from(data) },
    });
    const parts = [piece(0, 1, 2), piece(1, 1, 2, 3)];
    expect(() => fold([open], parts, span(0, 2, 0)))
      .to.throw()
      .with.property('code', 'E_PROTOCOL');
  });
});

describe('a field without anything in it', () => {
  it('is the identity of its operator, as many numbers as its shape has', () => {
    const nothing = { start: 0, end: 0, cellBytes: 0 };
    const { columns } = fold(wholeFields, [], nothing);
    expect(columns).to.deep.equal(partOf(new Uint8Array(0), wholeFields, nothing).columns);
    expect([columns.counts!.length, columns.run!.length, columns.joined!.length]).to.deep.equal([4, runWidth, 0]);
  });

  it('takes its length from the first part that has rows, not from an empty one', () => {
    const open: FieldSpec = { name: 'x', dtype: 'u8', merge: 'sum', cells: true };
    const empty: Part = { start: 0, end: 0, cellBytes: 8, columns: { x: new Float64Array(0) } };
    const full: Part = { start: 0, end: 8, cellBytes: 8, columns: { x: Float64Array.of(1, 2, 3) } };
    expect(fold([open], [empty, full], { start: 0, end: 8, cellBytes: 8 })).to.deep.equal(full);
    expect([rowWidth(open, empty), rowWidth(open, full)]).to.deep.equal([0, 3]);
  });

  it('takes a shape that names a parameter', () => {
    const lags: FieldSpec = { name: 'lags', dtype: 'u8', shape: ['gap', 2], merge: 'sum', cells: false };
    const { columns } = fold([lags], [], { start: 0, end: 0, cellBytes: 0 });
    expect(columns.lags).to.deep.equal(new Float64Array(6));
  });

  it('has an identity in every dtype that min and max may have', () => {
    for (const dtype of ['u1', 'u2', 'u4', 'u8', 'i4', 'i8', 'f4', 'f8'] as const) {
      const low = identityOf({ name: 'x', dtype, merge: 'max', cells: true });
      const high = identityOf({ name: 'x', dtype, merge: 'min', cells: true });
      expect(low, dtype).to.be.below(high);
    }
  });
});

describe('a concat field', () => {
  it('states the length of its rows', () => {
    expect(() => concatWidth({ name: 'x', dtype: 'u8', merge: 'concat', cells: false })).to.throw('length of its rows');
  });

  it('is not folded number by number', () => {
    const field = cellFields.find((it) => it.merge === 'concat')!;
    expect(() => combine(field, new Float64Array(3), 0, new Float64Array(3), 0, 3)).to.throw('by rows');
  });
});
