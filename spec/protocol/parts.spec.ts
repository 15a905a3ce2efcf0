/** Parts as frames: there and back, in the smallest dtype, and refused where a peer sends something else. */
import { expect } from 'chai';
import {
  type Dtype,
  decodeNpy,
  decodePart,
  encodeNpy,
  encodePart,
  type FieldSpec,
  indexOf,
  type Part,
  restDtype,
  type Span,
} from '../../protocol/index.js';
import { Random } from '../random.js';
import { cellFields, fileOf, once, partOf, wholeFields } from './world.js';

const span = (start: number, end: number, cellBytes: number): Span => ({ start, end, cellBytes });
const array = (dtype: Dtype, shape: number[], ...data: number[]) =>
  encodeNpy({ dtype, shape, data: Float64Array.from(data) });
const dtypeOf = (frame: Uint8Array) => decodeNpy(frame).dtype;

describe('a part on the wire', () => {
  it('comes back as it was, whatever the fields, the grid and the bytes', () => {
    const random = new Random(20);
    for (let i = 0; i < 300; i++) {
      const file = fileOf(random, random.int(0, 100));
      const start = random.int(0, file.length);
      const grid = span(start, random.int(start, file.length), random.pick([0, 1, 8, 64]));
      const fields = random.pick([cellFields, wholeFields, [once]]);
      const part = partOf(file, fields, grid);
      expect(decodePart(fields, grid, encodePart(fields, part))).to.deep.equal(part);
    }
  });

  it('names an array a field in order, and a second one for concat', () => {
    const { arrays, frames } = encodePart(cellFields, partOf(new Uint8Array(8), cellFields, span(0, 8, 4)));
    expect(arrays).to.deep.equal(
      cellFields.flatMap((field) => (field.merge === 'concat' ? [field.name, indexOf(field)] : [field.name])),
    );
    expect(frames.length).to.equal(arrays.length);
    expect(decodeNpy(frames[0]!).shape, 'rows by numbers').to.deep.equal([2, 4]);
    expect(decodeNpy(frames[1]!).shape, 'one number a row').to.deep.equal([2]);
  });

  it('is of fresh frames each time', () => {
    const part = partOf(new Uint8Array(8), cellFields, span(0, 8, 4));
    for (const frame of encodePart(cellFields, part).frames) frame.fill(0xff);
    expect(decodePart(cellFields, part, encodePart(cellFields, part))).to.deep.equal(part);
  });
});

describe('the dtype of a sum', () => {
  const counts: FieldSpec = { name: 'x', dtype: 'u8', merge: 'sum', cells: true, perByteMax: 1 };
  const whole: FieldSpec = { ...counts, cells: false };

  it('follows from the bytes of a cell, or of the part, and from perByteMax', () => {
    const cells = [255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32].map((bytes) => restDtype(counts, span(0, 9, bytes)));
    expect(cells).to.deep.equal(['u1', 'u2', 'u2', 'u4', 'u4', 'u8']);
    const parts = [255, 256, 2 ** 40].map((bytes) => restDtype(whole, span(10, 10 + bytes, 4096)));
    expect(parts).to.deep.equal(['u1', 'u2', 'u8']);
    expect(restDtype({ ...counts, perByteMax: 8 }, span(0, 9, 32))).to.equal('u2');
    expect(restDtype(counts, span(0, 200, 0)), 'one single cell').to.equal('u1');
  });

  it('is 8 bytes without perByteMax, and the field’s own for every other operator', () => {
    const grid = span(0, 1, 1);
    const { perByteMax: _, ...open } = counts;
    expect([restDtype({ ...open, dtype: 'u4' }, grid), restDtype({ ...open, dtype: 'i4' }, grid)]).to.deep.equal([
      'u8',
      'i8',
    ]);
    expect(restDtype({ ...open, merge: 'min', dtype: 'u2' }, grid)).to.equal('u2');
  });

  it('never wraps a number: what does not fit is E_RANGE', () => {
    const part = (value: number): Part => ({ ...span(0, 100, 100), columns: { x: Float64Array.of(value) } });
    expect(dtypeOf(encodePart([counts], part(255)).frames[0]!)).to.equal('u1');
    for (const value of [256, -1, 0.5, NaN]) {
      expect(() => encodePart([counts], part(value)), String(value))
        .to.throw(/does not fit u1/)
        .with.property('code', 'E_RANGE');
    }
  });
});

describe('a part that a peer made up', () => {
  const sums: FieldSpec = { name: 'x', dtype: 'u8', shape: [2], merge: 'sum', cells: true, perByteMax: 1 };
  const or: FieldSpec = { name: 'x', dtype: 'u4', merge: 'or', cells: false };
  const open: FieldSpec = { name: 'x', dtype: 'f8', merge: 'min', cells: true };
  const places: FieldSpec = { name: 'x', dtype: 'u8', shape: [3], merge: 'concat', cells: true, limit: 2 };
  const grid = span(0, 200, 100);
  const refusal = (field: FieldSpec, at: Span, arrays: string[], frames: Uint8Array[]): string => {
    try {
      decodePart([field], at, { arrays, frames });
    } catch (error) {
      expect((error as { code: string }).code, String(error)).to.equal('E_PROTOCOL');
      return (error as Error).message;
    }
    return 'taken';
  };

  it('lacks an array, or has one too many, or twice, or under another name', () => {
    const x = array('u1', [2, 2], 1, 2, 3, 4);
    expect(refusal(sums, grid, ['x'], [x])).to.equal('taken');
    expect(refusal(sums, grid, [], [])).to.include('no array x');
    expect(refusal(sums, grid, ['y'], [x])).to.include('too many');
    expect(refusal(sums, grid, ['x', 'x'], [x, x])).to.include('too many');
    expect(refusal(sums, grid, ['x', '__proto__'], [x, x])).to.include('too many');
    expect(refusal(sums, grid, ['x'], [])).to.include('1 arrays in 0 frames');
    expect(refusal(places, grid, ['x'], [array('u8', [0, 3])])).to.include('no array x.index');
  });

  it('has rows of another number or length than the grid and the shape', () => {
    expect(refusal(sums, grid, ['x'], [array('u1', [2], 1, 2)])).to.include('rows of 1 numbers, not 2');
    expect(refusal(sums, grid, ['x'], [array('u1', [3], 1, 2, 3)])).to.include('3 numbers for 2 cells');
    expect(refusal(sums, grid, ['x'], [array('u1', [0])])).to.include('0 numbers for 2 cells');
    expect(refusal(sums, span(0, 0, 100), ['x'], [array('u1', [1], 1)])).to.include('1 numbers for 0 cells');
  });

  it('may use any dtype that holds the numbers, but no number that the operator cannot work on', () => {
    expect(refusal(sums, grid, ['x'], [array('i8', [2, 2], 1, 2, 3, 4)])).to.equal('taken');
    expect(refusal(sums, grid, ['x'], [array('f8', [2, 2], 1, 2, 3, 4)])).to.equal('taken');
    expect(refusal(sums, grid, ['x'], [array('i8', [2, 2], 1, 2, 3, -4)])).to.include('-4 does not fit');
    expect(refusal(sums, grid, ['x'], [array('f8', [2, 2], 1, 2, 3, NaN)])).to.include('NaN does not fit');
    expect(refusal(or, grid, ['x'], [array('f8', [1], 0.5)])).to.include('0.5 does not fit');
    expect(refusal(open, grid, ['x'], [array('f8', [2], NaN, -Infinity)])).to.equal('taken');
  });

  it('counts more than its bytes can add up to', () => {
    expect(refusal(sums, span(0, 150, 100), ['x'], [array('u1', [2, 2], 100, 100, 50, 50)])).to.equal('taken');
    expect(refusal(sums, span(0, 150, 100), ['x'], [array('u1', [2, 2], 100, 100, 51, 0)])).to.include('51 is more');
    expect(refusal({ ...sums, cells: false }, grid, ['x'], [array('u2', [2], 201, 0)])).to.include('more than 200');
  });

  it('has an index that does not fit its rows', () => {
    const given = (rows: number, ...index: number[]) =>
      refusal(
        places,
        grid,
        ['x', 'x.index'],
        [array('u8', [rows, 3], ...new Array<number>(rows * 3).fill(1)), array('i8', [2, 3], ...index)],
      );
    expect(given(3, 1, 0, 1, 5, 0, 1)).to.equal('taken');
    expect(given(3, 1, 0, 1, 1, 0, 1)).to.include('9 numbers for 2 rows');
    expect(given(2, 5, 0, 1, -3, 0, 1)).to.include('fewer than no rows');
    expect(refusal(places, grid, ['x', 'x.index'], [array('u8', [0, 3]), array('i8', [1, 3], 0, 0, 0)])).to.include(
      'no index of 2',
    );
    const fraction = [array('u8', [0, 3]), array('f8', [2, 3], 0, 0, 0, 0.5, 0, 0)];
    expect(refusal(places, grid, ['x', 'x.index'], fraction)).to.include('0.5 stands in its index');
  });
});
