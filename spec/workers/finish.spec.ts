import { expect } from 'chai';
import { decodeFinished, encodeFinishColumns, type FinishTask } from '../../protocol/index.js';
import { runFinish } from '../../workers/finish.js';
import { defineService, field, param } from '../../workers/index.js';
import type { ServiceDefinition } from '../../workers/service.js';

type Finish = NonNullable<ServiceDefinition<never, never>['finish']>;

function serviceOf(finish?: unknown) {
  return defineService({
    name: 'LANES',
    version: 1,
    params: { lanes: param.int({ default: 2, min: 1, max: 4 }) },
    fields: {
      ones: field.u4({ shape: ['lanes'], merge: 'sum', cells: true }),
      longest: field.run({ cells: true }),
    },
    ...(finish !== undefined && { finish: finish as Finish }),
  });
}

/** Two cells and the range, of two lanes. */
function taskOf(service: ReturnType<typeof serviceOf>, change: Partial<FinishTask> = {}): FinishTask {
  const columns = { n: Float64Array.of(8, 2, 10), ones: Float64Array.of(1, 2, 0.5, 4, 1.5, 6) };
  const { fields } = service.descriptor;
  return { kind: 'finish', params: { lanes: 2 }, rows: 3, ...encodeFinishColumns(fields, 3, columns), ...change };
}

describe('a finish, at the worker', () => {
  it('gets n and what merges, and answers a row for each row', () => {
    const seen: unknown[] = [];
    const service = serviceOf((part: { [name: string]: Float64Array }, params: unknown) => {
      seen.push({ ...part }, params);
      return {
        sum: Float64Array.from(part.n!, (_, i) => part.ones![2 * i]! + part.ones![2 * i + 1]!),
        twice: [1, 2, 3, 4, 5, 6],
      };
    });
    const { part, work } = runFinish(service, taskOf(service));
    expect(seen).to.deep.equal([
      { n: Float64Array.of(8, 2, 10), ones: Float64Array.of(1, 2, 0.5, 4, 1.5, 6) },
      { lanes: 2 },
    ]);
    expect(work.bytesRead).to.equal(0);
    expect(decodeFinished('LANES', ['ones', 'longest'], 3, part)).to.deep.equal({
      sum: { dtype: 'f8', shape: [3], data: Float64Array.of(3, 4.5, 7.5) },
      twice: { dtype: 'f8', shape: [3, 2], data: Float64Array.of(1, 2, 3, 4, 5, 6) },
    });
  });

  const returned: { [what: string]: readonly [unknown, RegExp] } = {
    'another number of rows': [
      { sum: [1, 2] },
      /^LANES: finish returns 2 numbers of sum; wanted a row for each of 3 rows$/,
    ],
    'a single number': [{ sum: 7 }, /^LANES: finish returns sum as number; wanted a list of numbers$/],
    'the name of an output': [{ ones: [1, 2, 3] }, /finish returns ones, which a report has already/],
    'the name of what comes by itself': [{ lo: [1, 2, 3] }, /finish returns lo, which a report has already/],
    'a name that is none': [{ 'a.b': [1, 2, 3] }, /finish returns a\.b, which is no name/],
  };
  for (const [what, [value, message]] of Object.entries(returned)) {
    it(`that returns ${what} is told so`, () => {
      const service = serviceOf(() => value);
      expect(() => runFinish(service, taskOf(service)))
        .to.throw(message)
        .with.nested.property('error.code', 'E_SERVICE');
    });
  }

  it('gets no rows of a field that is only in parts of the other form', () => {
    const fields = {
      ones: field.u4({ merge: 'sum', cells: true }),
      q: field.u4({ merge: 'max', cells: true, form: 'whole' }),
    };
    const service = defineService({
      name: 'LANES',
      version: 1,
      fields,
      finish: (part) => ({ twice: part.ones.map((it) => 2 * it) }),
    });
    const [ones] = service.descriptor.fields;
    const rows = encodeFinishColumns([ones!], 2, { n: Float64Array.of(1, 1), ones: Float64Array.of(3, 4) });
    const { part } = runFinish(service, { kind: 'finish', params: {}, rows: 2, ...rows });
    expect([...decodeFinished('LANES', [], 2, part).twice!.data]).to.deep.equal([6, 8]);
  });

  it('that throws is named with its line', () => {
    const service = serviceOf(() => {
      throw new RangeError('no luck');
    });
    expect(() => runFinish(service, taskOf(service))).to.throw(
      /^LANES failed in finish: RangeError: no luck, finish\.spec\.js:\d+$/,
    );
  });

  it('is refused where the rows do not fit, or the service has none', () => {
    const service = serviceOf(() => ({}));
    const { frames } = taskOf(service);
    const refused = (task: FinishTask, of = service) => expect(() => runFinish(of, task)).to.throw();
    refused(taskOf(service, { rows: 2 })).with.nested.property('error.code', 'E_PROTOCOL');
    refused(taskOf(service, { arrays: ['n', 'twos'] })).with.property(
      'message',
      'rows to finish have an array twos too many',
    );
    refused(taskOf(service, { arrays: ['n'], frames: [frames[0]!] })).with.property(
      'message',
      'rows to finish have no array ones',
    );
    refused(taskOf(service), serviceOf()).with.property('message', 'task of LANES: it has no finish');
  });
});
