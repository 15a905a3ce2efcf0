/** Errors in one line, with the way out. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { jobWithPrefix } from '../../bin/cli/daemon.js';
import { errorLine, exitCodeOf, faultOf, traceOf } from '../../bin/cli/failure.js';
import { parseServiceFlags } from '../../bin/cli/service-flags.js';
import { nearest, nearestName, withSuggestion } from '../../bin/cli/suggest.js';
import { type Descriptor, type ErrorCode, fail, isBinglideError } from '../../protocol/index.js';

function codeOf(run: () => unknown): ErrorCode | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (isBinglideError(error)) return error.code;
    throw error;
  }
}

describe('an error line', () => {
  it('has cause, way out and code', () => {
    expect(errorLine({ code: 'E_NOT_SEEKABLE', message: 'x is a pipe; save it to a file first' })).to.equal(
      'binglide: x is a pipe; save it to a file first (E_NOT_SEEKABLE)',
    );
    expect(errorLine({ code: 'E_ACCESS', message: 'x: no permission to read it' })).to.equal(
      'binglide: x: no permission to read it; ask for read permission, or run as a user who has it (E_ACCESS)',
    );
    expect(errorLine({ code: 'E_CANCELLED', message: 'the job was cancelled' })).to.equal(
      'binglide: the job was cancelled; the same request goes on from what is kept (E_CANCELLED)',
    );
  });

  it('is one line that steers no terminal', () => {
    expect(errorLine({ code: 'E_IO', message: 'a\nb\u001b[2J; c' })).to.equal('binglide: a b?[2J; c (E_IO)');
  });

  it('names files and range as they were typed', () => {
    const error = fail('E_RANGE', 'the range ends past /home/me/fw.bin (0x5e597d0); try 0x0:');
    const asked = { paths: [{ typed: 'fw.bin', absolute: '/home/me/fw.bin' }], rangeText: ':2G' };
    expect(errorLine(faultOf(error, asked))).to.equal(
      'binglide: --range :2G ends past fw.bin (0x5e597d0); try --range 0x0: (E_RANGE)',
    );
  });

  it('names the preset where its blocks are too many, and a block that is taken', () => {
    const error = fail('E_CELLS', '--block 256 makes more than 1048576 cells of 300000000 bytes; the least is 287');
    expect(errorLine(faultOf(error, { preset: 'imhex' }))).to.equal(
      'binglide: --preset imhex has blocks of 256 bytes and makes more than 1048576 cells of 300000000 bytes; ' +
        'try a shorter --range, or --block 287 (E_CELLS)',
    );
    expect(errorLine(faultOf(error))).to.equal(`binglide: ${error.message} (E_CELLS)`);
  });

  it('says where to look for a bug, and shows it only under DEBUG', () => {
    const bug = new TypeError('x is not a function');
    expect(errorLine(faultOf(bug))).to.equal(
      'binglide: unexpected: x is not a function; DEBUG=binglide:* shows where (E_IO)',
    );
    expect(traceOf(bug, {})).to.equal(null);
    expect(traceOf(bug, { DEBUG: 'express' })).to.equal(null);
    expect(traceOf(bug, { DEBUG: 'binglide:*' })).to.match(/^TypeError: x is not a function\n\s+at /);
  });

  it('ends with 2 for wrong usage and 1 for the rest', () => {
    expect(
      (['E_USAGE', 'E_PARAM', 'E_RANGE', 'E_NO_BROKER'] as const).map((code) => exitCodeOf(fail(code, ''))),
    ).to.deep.equal([2, 2, 1, 1]);
    expect(exitCodeOf(new Error('bug'))).to.equal(1);
  });
});

describe('a name that is not there', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'binglide-spec-'));
    await writeFile(join(folder, 'fw.bin'), 'x');
    await mkdir(join(folder, 'deep'));
  });
  after(() => rm(folder, { recursive: true }));

  it('has the nearest one as its way out', async () => {
    expect(await nearestName(join(folder, 'fw.bni'))).to.equal('fw.bin');
    const error = fail('E_NOT_FOUND', 'x: no such file');
    const told = await withSuggestion(error, [join(folder, 'fw.bin'), join(folder, 'wf.bin')]);
    expect((told as Error).message).to.equal(`${folder}/wf.bin: no such file; ${folder}/fw.bin is there`);
  });

  it('is left alone where nothing is near', async () => {
    const error = fail('E_NOT_FOUND', 'x: no such file');
    expect(await withSuggestion(error, [join(folder, 'entirely-else')])).to.equal(error);
    expect(await withSuggestion(error, [join(folder, 'no', 'folder')])).to.equal(error);
    expect(nearest('ab', ['xy', 'abcdef'])).to.equal(null);
    expect(nearest('dump1.img', ['dump2.img', 'dump10.img', 'dmup1.img'])).to.equal('dump2.img');
  });
});

describe('the beginning of a job id', () => {
  const jobs = ['26:abcd1', '26:abce1', '26:xyz9'].map((jobId) => ({ jobId }));

  it('is enough where one job begins so, with or without the length before it', () => {
    expect(jobWithPrefix('26:abcd', jobs)).to.equal('26:abcd1');
    expect(jobWithPrefix('x', jobs)).to.equal('26:xyz9');
    expect(jobWithPrefix('26:abcd1', [...jobs, { jobId: '26:abcd12' }])).to.equal('26:abcd1');
  });

  it('lists the jobs that it could mean', () => {
    expect(() => jobWithPrefix('ab', jobs)).to.throw('2 jobs begin with "ab"; say which: 26:abcd1 26:abce1');
    expect(() => jobWithPrefix('q', jobs)).to.throw('no job q is running');
    expect(codeOf(() => jobWithPrefix('', jobs.slice(2)))).to.equal('E_NO_JOB');
  });
});

describe('options of a service', () => {
  const descriptor: Descriptor = {
    name: 'PERIOD',
    version: 1,
    inputs: 1,
    help: 'record lengths',
    params: [
      { name: 'max_lag', type: 'int', default: 64, min: 1, max: 1024, help: 'longest length tried' },
      { name: 'minScore', type: 'float', default: 0.5, help: 'least score' },
      { name: 'mode', type: 'string', default: 'fast', oneOf: ['fast', 'full'], help: 'how' },
      { name: 'wrap', type: 'bool', default: false, help: 'go on at the start' },
    ],
    overlap: 0,
    cached: true,
    fields: [{ name: 'matches', dtype: 'u8', merge: 'sum', cells: true }],
    report: [],
  };

  it('are made from its descriptor, anywhere among the files', () => {
    const args = ['a.bin', '--max-lag', '1k', '--min-score', '-0.25', '--mode=full', '--wrap', 'b.bin'];
    const { params, files } = parseServiceFlags(descriptor, args);
    expect(params).to.deep.equal({ max_lag: 1024, minScore: -0.25, mode: 'full', wrap: true });
    expect(files).to.deep.equal(['a.bin', 'b.bin']);
    expect(parseServiceFlags(descriptor, ['--wrap', '--no-wrap']).params.wrap).to.equal(false);
    expect(parseServiceFlags(descriptor, ['a']).params).to.deep.equal({
      max_lag: 64,
      minScore: 0.5,
      mode: 'fast',
      wrap: false,
    });
  });

  it('are checked', () => {
    expect(codeOf(() => parseServiceFlags(descriptor, ['--max-lag', '4096']))).to.equal('E_PARAM');
    expect(codeOf(() => parseServiceFlags(descriptor, ['--max-lag', 'many']))).to.equal('E_PARAM');
    expect(codeOf(() => parseServiceFlags(descriptor, ['--mode', 'slow']))).to.equal('E_PARAM');
    expect(() => parseServiceFlags(descriptor, ['--max-lga', '4'])).to.throw("unknown option '--max-lga'");
  });

  it('are listed in its help', () => {
    expect(parseServiceFlags(descriptor, []).help).to.match(/--max-lag <n>\s+longest length tried \(64\)/);
  });
});
