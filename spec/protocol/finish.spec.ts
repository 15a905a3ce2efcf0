/** Finishers: from merged numbers to what a report shows; NaN and null where nothing is known. */
import { expect } from 'chai';
import {
  entropy,
  type FieldSpec,
  finishCell,
  finishers,
  finishWhole,
  identityOf,
  indexOf,
  outputDtype,
  q24,
} from '../../protocol/index.js';
import { Random } from '../random.js';

const field = (more: Partial<FieldSpec>): FieldSpec => ({ name: 'x', dtype: 'u8', merge: 'sum', cells: true, ...more });
const row = (...numbers: number[]) => Float64Array.from(numbers);

describe('entropy', () => {
  it('is that of Shannon, in bits a byte', () => {
    expect(entropy(row(1, 1))).to.equal(1);
    expect(entropy(row(...new Array<number>(256).fill(7)))).to.equal(8);
    expect(entropy(row(3, 1))).to.be.closeTo(0.811278124459, 1e-12);
    expect(entropy(row(0, 5, 0))).to.equal(0);
    expect(Object.is(entropy(row(5)), 0), 'no negative zero').to.equal(true);
    expect(entropy(row(0, 0))).to.be.NaN;
    expect(entropy(row())).to.be.NaN;
  });

  it('is summed in ascending order of value: to the bit the same wherever it is computed', () => {
    const random = new Random(30);
    const counts = Float64Array.from({ length: 256 }, () => random.int(0, 2 ** 40));
    const n = counts.reduce((sum, count) => sum + count, 0);
    let h = 0;
    for (const c of counts) if (c > 0) h -= (c / n) * Math.log2(c / n);
    expect(entropy(counts)).to.equal(h);
  });
});

describe('a finisher', () => {
  it('of a cell', () => {
    const least = field({ merge: 'min', dtype: 'i4' });
    const nothing = row(identityOf(least));
    expect(finishCell('value', field({}), row(7))).to.equal(7);
    expect(finishCell('entropy', field({}), row(2, 2))).to.equal(1);
    expect(finishCell('q24', least, row(q24 / 2))).to.equal(0.5);
    expect(finishCell('q24', least, nothing)).to.be.NaN;
    expect(finishCell('q24', field({ merge: 'once' }), row(NaN))).to.be.NaN;
    expect(finishCell('position', least, row(0))).to.equal(0);
    expect(finishCell('position', least, nothing)).to.be.NaN;
    expect(finishCell('longest', field({ merge: 'run' }), row(0, 9, 1, 1, 4, 3))).to.equal(3);
  });

  it('of the whole', () => {
    const x = (column: Float64Array, index = row(0, 0, 0)) => ({ x: column, [indexOf(field({}))]: index });
    expect(finishWhole('value', field({}), x(row(7)))).to.equal(7);
    expect(finishWhole('value', field({ merge: 'min', dtype: 'f8' }), x(row(NaN)))).to.equal(null);
    expect(finishWhole('value', field({ shape: [2] }), x(row(1, 2)))).to.deep.equal({
      dtype: 'u8',
      shape: [2],
      data: row(1, 2),
    });
    expect(finishWhole('value', field({ shape: [1] }), x(row(1)))).to.deep.equal({
      dtype: 'u8',
      shape: [1],
      data: row(1),
    });
    expect(finishWhole('entropy', field({}), x(row(0, 0)))).to.equal(null);
    expect(
      finishWhole(
        'position',
        field({ merge: 'max', dtype: 'i8' }),
        x(row(identityOf(field({ merge: 'max', dtype: 'i8' })))),
      ),
    ).to.equal(null);
    const run = field({ merge: 'run' });
    expect(finishWhole('longest', run, x(row(0, 9, 1, 1, 4, 3)))).to.deep.equal({ start: 4, length: 3 });
    expect(finishWhole('longest', run, x(row(0, 9, 0, 0, 0, 0)))).to.equal(null);
  });

  it('of intervals, cut or complete, in the dtype of the field', () => {
    const places = field({ merge: 'concat', shape: [3], limit: 1 });
    const columns = { x: row(5, 7, 2), 'x.index': row(9, 5, 90) };
    expect(finishWhole('intervals', places, columns)).to.deep.equal({ dtype: 'u8', shape: [1, 3], data: row(5, 7, 2) });
    expect(finishWhole('intervalCount', places, columns)).to.equal(9);
    expect(finishWhole('intervalsTruncated', places, columns)).to.equal(true);
    expect(finishWhole('intervalsTruncated', places, { ...columns, 'x.index': row(1, 5, 7) })).to.equal(false);
    const bytes = field({ merge: 'concat', shape: [1], dtype: 'u1' });
    expect(finishWhole('intervals', bytes, { x: row(1, 2), 'x.index': row(2, 0, 2) })).to.deep.include({ dtype: 'u1' });
  });

  it('names a dtype that holds whatever the field can add up to', () => {
    const dtypes = (['u1', 'i4', 'f4'] as const).map((dtype) => outputDtype('value', field({ dtype })));
    expect(dtypes).to.deep.equal(['u8', 'i8', 'f8']);
    for (const finisher of finishers) if (finisher !== 'value') expect(outputDtype(finisher, field({}))).to.equal('f8');
  });
});
