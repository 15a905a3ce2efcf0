import { expect } from 'chai';
import { BinglideError } from '../../protocol/errors.js';
import { runTask } from '../../workers/engine.js';
import { field, param } from '../../workers/fields.js';
import type { Rows } from '../../workers/rows.js';
import { type AnyWorker, defineService, Worker } from '../../workers/service.js';
import { ent } from '../../workers/services/ent.js';
import { hist } from '../../workers/services/hist.js';
import { compute, failureOf, hostOf, partOf, plain, randomFile, taskOf } from './fixture.js';
import { histogram } from './oracles.js';

describe('the engine', () => {
  const size = 3_000_001;
  const { sandbox, host, file, path } = randomFile(size);

  /** A service that says which rows it saw. */
  const seen: [number, number][] = [];
  const rowsSeen = async (
    run: [number, number],
    cellBytes: number,
    more: { rowBytes?: number; form?: 'whole' | 'summed' } = {},
  ) => {
    const service = defineService({
      name: 'ROWS',
      version: 1,
      ...(more.rowBytes && { rowBytes: more.rowBytes }),
      fields: { n1: field.u8({ merge: 'sum', cells: true }) },
      compute(input, out) {
        for (let i = 0; i < input.rows; i++) {
          seen.push([input.offset(i), input.offset(i) + input.row(i).length]);
          out.n1[i] = input.row(i).length;
          expect(Buffer.from(input.row(i))).to.deep.equal(Buffer.from(file.subarray(...seen.at(-1)!)));
        }
      },
    });
    seen.length = 0;
    await compute(service, { paths: [path], runs: [run], cellBytes, form: more.form ?? 'summed' }, host);
    return seen;
  };

  it('cuts rows at multiples of rowBytes, at cell edges and at the run’s ends', async () => {
    expect(await rowsSeen([100, 2500], 0, { rowBytes: 1000 })).to.deep.equal([
      [100, 1000],
      [1000, 2000],
      [2000, 2500],
    ]);
    expect(await rowsSeen([100, 2500], 1500, { rowBytes: 1000 })).to.deep.equal([
      [100, 1000],
      [1000, 1500],
      [1500, 2000],
      [2000, 2500],
    ]);
  });

  it('without rowBytes takes cells as rows, long cells in stretches that end on multiples of 4096', async () => {
    expect(await rowsSeen([100, 12_000], 5000)).to.deep.equal([
      [100, 5000],
      [5000, 10_000],
      [10_000, 12_000],
    ]);
    const rows = await rowsSeen([100, size], 0);
    expect(rows[0]![0]).to.equal(100);
    expect(rows.at(-1)![1]).to.equal(size);
    rows.forEach(([start, end], i) => {
      if (i > 0) expect(start).to.equal(rows[i - 1]![1]);
      if (end !== size) expect(end % 4096).to.equal(0);
      expect(end - start).to.be.at.most(1 << 20);
    });
    const blocks = await rowsSeen([0, size], 65_536, { form: 'whole' });
    expect(blocks.length).to.equal(Math.ceil(size / 65_536));
  });

  it('takes what compute kept back from flush, after the last batch and once a task', async () => {
    const kept = new WeakMap<object, number>();
    let flushes = 0;
    const service = defineService({
      name: 'KEEPS',
      version: 1,
      fields: { bytes: field.u8({ merge: 'sum' }), most: field.u4({ merge: 'max' }) },
      compute(input, out, task) {
        for (let i = 0; i < input.rows; i++) kept.set(task, (kept.get(task) ?? 0) + input.row(i).length);
        out.most[0] = 7;
      },
      flush(out, task) {
        flushes++;
        out.bytes[0]! += kept.get(task)!;
        out.most[0] = 5;
      },
    });
    for (const run of [
      [0, size],
      [100, 5000],
    ] as const) {
      const { columns } = await compute(service, { paths: [path], runs: [run], cellBytes: 0, form: 'summed' }, host);
      expect(Array.from(columns.bytes!)).to.deep.equal([run[1] - run[0]]);
      expect(Array.from(columns.most!)).to.deep.equal([7]);
    }
    expect(flushes).to.equal(2);
  });

  it('takes no asynchronous flush, and shows it no fields with cells', async () => {
    const names: string[] = [];
    const service = defineService({
      name: 'LATE',
      version: 1,
      fields: { bytes: field.u8({ merge: 'sum' }), each: field.u8({ merge: 'sum', cells: true }) },
      compute() {},
      async flush(out) {
        names.push(...Object.keys(out));
      },
    });
    const task = taskOf({ paths: [path], runs: [[0, 100]], cellBytes: 0, form: 'summed' });
    expect((await failureOf(service, task, host)).message).to.match(/^LATE failed as it ended: .*asynchronous/);
    expect(names).to.deep.equal(['bytes']);
  });

  it('blames flush where it throws, and does without it where compute threw', async () => {
    let flushes = 0;
    const service = (fails: boolean) =>
      defineService({
        name: 'THROWS',
        version: 1,
        fields: { bytes: field.u8({ merge: 'sum' }) },
        compute() {
          if (fails) throw new Error('no');
        },
        flush() {
          flushes++;
          throw new Error('kept nothing');
        },
      });
    const task = taskOf({ paths: [path], runs: [[0, 100]], cellBytes: 0, form: 'summed' });
    const { message } = await failureOf(service(false), task, host);
    expect(message).to.match(/^THROWS failed as it ended: Error: kept nothing/);
    await failureOf(service(true), task, host);
    expect(flushes).to.equal(1);
  });

  it('lets a row look ahead over its end, as far as the file goes', async () => {
    const ahead: [number, number][] = [];
    const service = defineService({
      name: 'AHEAD',
      version: 1,
      rowBytes: 4096,
      overlap: 'reach',
      params: { reach: param.int({ default: 10, min: 0 }) },
      fields: { n1: field.u8({ merge: 'sum' }) },
      compute(input) {
        for (let i = 0; i < input.rows; i++) {
          const bytes = input.ahead(i);
          ahead.push([input.offset(i), bytes.length]);
          const start = input.offset(i);
          expect(Buffer.from(bytes)).to.deep.equal(Buffer.from(file.subarray(start, start + bytes.length)));
        }
      },
    });
    await compute(service, { paths: [path], runs: [[size - 5000, size - 4]], params: { reach: 100 } }, host);
    const edge = Math.ceil((size - 5000) / 4096) * 4096;
    expect(ahead).to.deep.equal([
      [size - 5000, edge - (size - 5000) + 100],
      [edge, size - edge],
    ]);
  });

  it('gives each type of field its array, filled with the identity, and folds them', async () => {
    const service = defineService({
      name: 'TYPES',
      version: 1,
      rowBytes: 512,
      fields: {
        least: field.u1({ merge: 'min', cells: true }),
        most: field.u2({ merge: 'max', cells: true }),
        below: field.i4({ merge: 'min' }),
        all: field.u4({ merge: 'or', shape: [2] }),
        mean: field.f8({ merge: 'max', cells: true }),
        many: field.u8({ merge: 'sum' }),
      },
      compute(input, out) {
        expect(out.least[0]).to.equal(255);
        expect(out.below).to.deep.equal(new Int32Array([2 ** 31 - 1]));
        for (let i = 0; i < input.rows; i++) {
          for (const byte of input.row(i)) {
            out.least[i] = Math.min(out.least[i]!, byte);
            out.most[i] = Math.max(out.most[i]!, byte + 1000);
            out.below[0] = Math.min(out.below[0]!, -byte);
            out.all[byte & 1]! |= byte;
            out.many[0]! += 1;
          }
          out.mean[i] = input.row(i).length / 8;
        }
      },
    });
    const part = await compute(service, { paths: [path], runs: [[0, 10_000]], cellBytes: 4096 }, host);
    const cells = [0, 4096, 8192].map((start) => Array.from(file.subarray(start, Math.min(start + 4096, 10_000))));
    expect(plain(part)).to.deep.equal({
      start: 0,
      end: 10_000,
      cellBytes: 4096,
      columns: {
        least: cells.map((cell) => Math.min(...cell)),
        most: cells.map((cell) => Math.max(...cell) + 1000),
        below: [-255],
        all: [254, 255],
        mean: [64, 64, 64],
        many: [10_000],
      },
    });
  });

  it('gives identities for an empty run, with and without cells', async () => {
    const empty = sandbox.write('empty', '');
    for (const cellBytes of [0, 4096]) {
      const part = await compute(hist, { paths: [empty], runs: [[0, 0]], cellBytes }, host);
      expect(plain(part)).to.deep.equal({ start: 0, end: 0, cellBytes, columns: { counts: new Array(256).fill(0) } });
    }
    const part = await compute(ent, { paths: [path], runs: [[77, 77]], cellBytes: 4096 }, host);
    expect(plain(part)).to.deep.equal({
      start: 77,
      end: 77,
      cellBytes: 4096,
      columns: { counts: [], qmin: [], qmax: [] },
    });
  });

  it('tells what it read and how far it is', async () => {
    const told: number[] = [];
    const task = taskOf({ paths: [path], runs: [[5, size]] });
    const { work } = await runTask(hist, task, hostOf(sandbox.folder, { progressed: (bytes) => told.push(bytes) }));
    expect(work.bytesRead).to.equal(size - 5);
    expect(told.at(-1)).to.equal(size - 5);
    expect(told.length).to.be.at.least(3);
    for (const [i, bytes] of told.entries()) expect(bytes - (told[i - 1] ?? 0)).to.be.within(1, 1 << 20);
  });

  it('stops between batches when cancelled, and inside compute where that checks', async () => {
    let asked = 0;
    const task = taskOf({ paths: [path], runs: [[0, size]] });
    const soon = await failureOf(hist, task, hostOf(sandbox.folder, { isCancelled: () => ++asked > 2 }));
    expect(soon.code).to.equal('E_CANCELLED');
    let flag = false;
    const spinning = serviceOf((_, __, check) => {
      flag = true;
      for (;;) check();
    });
    const stopped = await failureOf(spinning, task, hostOf(sandbox.folder, { isCancelled: () => flag }));
    expect(stopped.code).to.equal('E_CANCELLED');
  });

  it('waits for asynchronous services and gives them a signal', async () => {
    const controller = new AbortController();
    const service = defineService({
      name: 'LATER',
      version: 1,
      fields: { seen: field.u8({ merge: 'sum' }) },
      async compute(input, out, task) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        expect(task.signal).to.equal(controller.signal);
        out.seen[0] = input.bytes;
      },
    });
    const task = taskOf({ paths: [path], runs: [[0, 100_000]] });
    const result = await runTask(service, task, hostOf(sandbox.folder, { signal: controller.signal }));
    expect(Array.from(partOf(service, task, result).columns.seen!)).to.deep.equal([100_000]);
  });

  describe('blames the service', () => {
    const messageOf = async (service: AnyWorker, start = 4096) => {
      const error = await failureOf(service, taskOf({ paths: [path], runs: [[start, start + 8192]] }), host);
      expect(error.code).to.equal('E_SERVICE');
      expect(error.range).to.deep.equal([start, start + 8192]);
      return error.message;
    };

    it('for what it throws, with place in the input and in the file', async () => {
      const service = serviceOf((input) => {
        input.row(1);
        throw new TypeError('no such column');
      });
      expect(await messageOf(service)).to.match(
        /^FAULTY failed at 0x2000: TypeError: no such column, engine\.spec\.js:\d+$/,
      );
      const rude = serviceOf(() => {
        throw 'just a text';
      });
      expect(await messageOf(rude)).to.equal('FAULTY failed at 0x1000: just a text');
    });

    it('for arrays of another type or length, and for numbers that are not whole', async () => {
      expect(await messageOf(serviceOf((_, out) => (out.sums = new Uint32Array(2) as never)))).to.equal(
        'FAULTY failed at 0x1000: field sums: wanted Float64Array of 2, got Uint32Array of 2',
      );
      expect(await messageOf(serviceOf((_, out) => (out.sums = new Float64Array(3))))).to.equal(
        'FAULTY failed at 0x1000: field sums: wanted Float64Array of 2, got Float64Array of 3',
      );
      expect(await messageOf(serviceOf((_, out) => (out.sums[1] = NaN)))).to.equal(
        'FAULTY failed at 0x1000: field sums: wanted whole numbers (u8), got NaN',
      );
      expect(await messageOf(serviceOf((_, out) => (out.sums[0] = 0.5)))).to.equal(
        'FAULTY failed at 0x1000: field sums: wanted whole numbers (u8), got 0.5',
      );
    });

    it('for rows of a list that are no rows or out of order', async () => {
      expect(await messageOf(serviceOf((_, out) => out.list.add(0, 5, 9, 1)))).to.include('it takes 2 whole numbers');
      const backwards = serviceOf((_, out) => {
        out.list.add(0, 5, 9);
        out.list.add(0, 8, 10);
      });
      expect(await messageOf(backwards)).to.include('a row starts at 8, before the last one ended, 9');
    });
  });

  it('passes a service’s own typed error on', async () => {
    const service = serviceOf(() => {
      throw new BinglideError({ code: 'E_PARAM', message: 'too coarse' });
    });
    const error = await failureOf(service, taskOf({ paths: [path], runs: [[0, 10]] }), host);
    expect([error.code, error.message, error.service]).to.deep.equal(['E_PARAM', 'too coarse', 'FAULTY']);
  });

  it('refuses tasks that make no sense', async () => {
    const codeOf = async (asked: Partial<Parameters<typeof taskOf>[0]>) =>
      (await failureOf(hist, taskOf({ paths: [path], runs: [[0, 10]], ...asked }), host)).code;
    expect(await codeOf({ paths: [path, path] })).to.equal('E_PROTOCOL');
    expect(await codeOf({ runs: [] })).to.equal('E_PROTOCOL');
    expect(await codeOf({ runs: [[5, 4]] })).to.equal('E_PROTOCOL');
    expect(await codeOf({ params: { speed: 1 } })).to.equal('E_PARAM');
    expect(await codeOf({ runs: [[0, size + 1]] })).to.equal('E_RANGE');
  });

  it('lets a class be a service', async () => {
    class Zeros extends Worker {
      constructor() {
        super({ name: 'ZEROS', version: 1, fields: { zeros: field.u8({ merge: 'sum' }) } });
      }
      override compute(input: Rows, out: { zeros: Float64Array }) {
        for (let i = 0; i < input.rows; i++) out.zeros[0]! += input.row(i).filter((byte) => byte === 0).length;
      }
    }
    const part = await compute(new Zeros(), { paths: [path], runs: [[0, 70_000]] }, host);
    expect(part.columns.zeros![0]).to.equal(histogram(file, 0, 70_000)[0]);
  });

  it('refuses definitions that could not work', () => {
    const define = (more: object) => () =>
      defineService({ name: 'X', fields: { a: field.u8({ merge: 'sum' }) }, ...more } as never);
    expect(define({ name: 'lower' })).to.throw('name is not');
    expect(define({ rowBytes: 0 })).to.throw('rowBytes is 0');
    expect(define({ fields: { n: field.u8({ merge: 'sum' }) } })).to.throw('field n is the number of bytes');
    expect(define({ fields: { a: field.f8({ merge: 'sum' as never }) } })).to.throw('whole numbers');
    expect(define({ overlap: 'reach' })).to.throw('overlap');
  });
});

/** A service with rows of 4096 and fields of several kinds that does as it is told. */
function serviceOf(
  act: (
    input: Rows,
    out: { sums: Float64Array; list: { add: (...numbers: number[]) => void } },
    check: () => void,
  ) => unknown,
) {
  return defineService({
    name: 'FAULTY',
    version: 1,
    rowBytes: 4096,
    fields: { sums: field.u8({ merge: 'sum', shape: [2] }), list: field.concat({ shape: [2] }) },
    compute(input, out, task) {
      act(input, out, () => task.check());
    },
  });
}
