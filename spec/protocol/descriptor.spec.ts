/** What a service says of itself, and the parameters of a request for it. */
import { expect } from 'chai';
import {
  checkDescriptor,
  checkParams,
  type Descriptor,
  descriptorDigest,
  fieldsOf,
  hasCells,
  pack,
  sizeOf,
  unpackMap,
  wholeFieldBytes,
} from '../../protocol/index.js';
import { bytes, diff, ent, hist, period } from '../vectors/samples.js';

const services = [hist, ent, diff, bytes, period];

describe('a descriptor', () => {
  it('is taken as it came over the wire', () => {
    for (const service of services) expect(checkDescriptor(unpackMap(pack(service)))).to.deep.equal(service);
  });

  it('may have one output made of different fields in different forms, and not of two in one', () => {
    expect(ent.report.filter(({ name }) => name === 'h').length).to.equal(3);
    const twice = { ...ent, report: [...ent.report, { name: 'h', of: 'counts', finish: 'value', scope: 'cell' }] };
    expect(() => checkDescriptor(twice)).to.throw('output h stands there twice');
  });

  it('says which fields its parts carry in which form', () => {
    expect(fieldsOf(ent, 'summed').map(({ name }) => name)).to.deep.equal(['counts', 'qmin', 'qmax']);
    expect(fieldsOf(ent, 'whole').map(({ name }) => name)).to.deep.equal(['q', 'total', 'qmin', 'qmax']);
    expect([hist, ent, diff, bytes].map(hasCells)).to.deep.equal([false, true, true, false]);
  });

  it('says how much its whole fields weigh', () => {
    const of = (service: Descriptor) => wholeFieldBytes(service, checkParams(service, {}), () => 4);
    expect([of(hist), of(ent), of(diff), of(bytes)]).to.deep.equal([1024, 1024, 0, 4]);
  });

  it('never throws anything but a refusal, whatever stands in it', () => {
    const junk: readonly unknown[] = [
      undefined,
      null,
      0,
      -1,
      1.5,
      NaN,
      '',
      'x',
      [],
      [[]],
      {},
      { toString: 1 },
      { length: 5 },
      new Uint8Array(1),
      true,
    ];
    for (const service of services) {
      for (const path of pathsOf(service)) {
        for (const value of junk) {
          try {
            checkDescriptor(changed(service, path, value));
          } catch (error) {
            const { name, code } = error as { name: string; code: string };
            expect([name, code], `${path.join('.')} = ${JSON.stringify(value)}: ${error}`).to.deep.equal([
              'BinglideError',
              'E_PROTOCOL',
            ]);
          }
        }
      }
    }
  });
});

/** Every place in a value, as the keys that lead there. */
function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return [[...path], ...inner.flatMap(([key, item]) => pathsOf(item, [...path, key]))];
}

function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  (copy as { [key: string]: unknown })[key] = changed((value as { [key: string]: unknown })[key], rest, to);
  return copy;
}

describe('a size that a parameter names', () => {
  const param = (more: object) => ({ name: 'lag', type: 'int', default: 8, help: '', ...more });
  const refusal = (more: object, change: object): string => {
    try {
      checkDescriptor({ ...hist, params: [param(more)], ...change });
      return 'taken';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const shaped = (...shape: (string | number)[]) => ({ fields: [{ ...hist.fields[0], shape }] });

  it('stands in a field whose operator is told from all others', () => {
    expect(refusal({}, { fields: [{ ...hist.fields[0], merge: 'mean' }] })).to.include(
      'mean is no merge operator; sum min',
    );
  });

  it('is an int parameter', () => {
    for (const change of [{ overlap: 'lag' }, { block: 'lag' }]) {
      expect(refusal({}, change)).to.equal('taken');
      expect(refusal({ type: 'float' }, change)).to.include('int parameter');
    }
  });

  it('is never below 0 where rows are made of it, whatever a client chooses', () => {
    expect(refusal({ max: 8 }, shaped('lag'))).to.include('shape holds something');
    expect(refusal({ oneOf: [8, -16] }, shaped('lag'))).to.include('shape holds something');
  });

  it('is bounded above where rows are made of it', () => {
    expect(refusal({ min: 0 }, shaped('lag'))).to.include('more than 16777216');
    expect(refusal({ min: 0, max: 2 ** 24 }, shaped('lag'))).to.equal('taken');
    const [field] = shaped('lag').fields;
    expect(refusal({ min: 0, max: 2 ** 23 + 1 }, { fields: [field, { ...field, name: 'more' }] })).to.include(
      'more than',
    );
    expect(refusal({ min: 0, max: 2 ** 24 }, shaped('lag', 2))).to.include(
      'more than 16777216 numbers; lag with a max of 8388608 would fit',
    );
    expect(refusal({ min: 0, max: 2 ** 24 }, shaped('lag', 'lag'))).to.include('lag with a max of 4096 would fit');
    expect(refusal({ oneOf: [8, 2 ** 20] }, shaped('lag', 16))).to.equal('taken');
  });
});

describe('the digest of a descriptor', () => {
  it('does not depend on the order of keys, on help, or on what is left out', () => {
    const turned = Object.fromEntries(Object.entries(diff).reverse()) as unknown as Descriptor;
    expect(descriptorDigest(turned)).to.equal(descriptorDigest(diff));
    expect(descriptorDigest({ ...diff, help: 'other words' })).to.equal(descriptorDigest(diff));
    expect(descriptorDigest({ ...diff, block: undefined } as unknown as Descriptor)).to.equal(descriptorDigest(diff));
    expect(descriptorDigest(diff)).to.match(/^[0-9a-f]{16}$/);
  });

  it('depends on everything else', () => {
    const params = diff.params.map((param) => ({ ...param, default: 1 }));
    const fields = [...diff.fields].reverse();
    const others = [
      { version: 2 },
      { version: '2' },
      { overlap: 1 },
      { cached: false },
      { params },
      { fields },
      { name: 'DIFFS' },
    ];
    const digests = [{}, ...others].map((change) => descriptorDigest({ ...diff, ...change } as Descriptor));
    expect(new Set(digests).size).to.equal(others.length + 1);
  });
});

describe('parameters', () => {
  const refusal = (given: object): string => {
    try {
      checkParams(period, given as { [name: string]: number });
    } catch (error) {
      expect((error as { code: string }).code).to.equal('E_PARAM');
      return (error as Error).message;
    }
    return 'taken';
  };

  it('are complete and in the order of the descriptor', () => {
    expect(Object.entries(checkParams(period, {}))).to.deep.equal([
      ['maxLag', 64],
      ['weight', 0.5],
      ['mode', 'mean'],
      ['signed', false],
    ]);
    expect(Object.keys(checkParams(period, { signed: true, maxLag: 1 }))).to.deep.equal([
      'maxLag',
      'weight',
      'mode',
      'signed',
    ]);
    expect(checkParams(period, { maxLag: null as unknown as number }).maxLag).to.equal(64);
  });

  it('are refused by name, with what came and what is taken', () => {
    expect(refusal({ lag: 5 })).to.equal('PERIOD2 takes no parameter lag; it takes maxLag, weight, mode, signed');
    expect(refusal({ maxLag: 0 })).to.equal('PERIOD2: maxLag is 0; it takes a number from 1 to 1024');
    expect(refusal({ maxLag: 1025 })).to.include('from 1 to 1024');
    expect(refusal({ maxLag: 1.5 })).to.equal('PERIOD2: maxLag is 1.5; it takes a whole number');
    expect(refusal({ maxLag: '64' })).to.include('a whole number');
    expect(refusal({ weight: NaN })).to.include('a number');
    expect(refusal({ weight: 2 })).to.include('from 0 to 1');
    expect(refusal({ mode: 'min' })).to.equal('PERIOD2: mode is min; it takes one of mean, max');
    expect(refusal({ mode: 'x'.repeat(1025) }))
      .to.include('at most 1024')
      .and.have.length.below(200);
    expect(refusal({ signed: 1 })).to.equal('PERIOD2: signed is 1; it takes true or false');
    expect(() => checkParams(hist, { x: 1 })).to.throw('HIST takes no parameter x; it takes none');
  });

  it('are refused, not tripped over, where a map stands for a value or a name is one of every object', () => {
    for (const value of [{ toString: 1 }, {}, [], [[1]], new Uint8Array(2)]) {
      for (const name of ['maxLag', 'weight', 'mode', 'signed'])
        expect(refusal({ [name]: value })).to.include(`${name} is `);
    }
    const odd: Descriptor = { ...hist, params: [{ name: 'toString', type: 'int', default: 3, help: '' }] };
    expect(checkParams(odd, {})).to.deep.equal({ toString: 3 });
    expect(refusal({ toString: 3 })).to.include('no parameter toString');
  });

  it('name sizes', () => {
    const given = checkParams(period, { maxLag: 7 });
    expect([sizeOf(5, given), sizeOf('maxLag', given)]).to.deep.equal([5, 7]);
  });
});
