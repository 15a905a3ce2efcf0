/** The catalogue of errors, and errors on their way to a caller. */
import { expect } from 'chai';
import {
  assert,
  BinglideError,
  type ErrorCode,
  errorCatalogue,
  type Fault,
  fail,
  isBinglideError,
  isErrorCode,
} from '../../protocol/index.js';

describe('the catalogue of errors', () => {
  it('says of each what the reader can do', () => {
    for (const [code, advice] of Object.entries(errorCatalogue)) {
      expect(code).to.match(/^E_[A-Z_]+$/);
      expect(advice, code).to.match(/^.{10,120}$/);
    }
  });

  it('knows its own codes and not the names that every object has', () => {
    for (const code of Object.keys(errorCatalogue)) expect(isErrorCode(code)).to.equal(true);
    for (const other of ['', 'E_', 'toString', '__proto__', 'constructor', 5, null, undefined, ['E_IO']]) {
      expect(isErrorCode(other), String(other)).to.equal(false);
    }
  });
});

describe('an error', () => {
  const full: Fault = { code: 'E_IO', message: 'disk', jobId: '1:a1', service: 'HIST', range: [0, 1] };

  it('is the fault that it was made of', () => {
    expect(new BinglideError(full).toFault()).to.deep.equal(full);
    expect(fail('E_RANGE', 'past the end').toFault()).to.deep.equal({ code: 'E_RANGE', message: 'past the end' });
    expect(fail('E_RANGE', 'past the end', { service: 'ENT' }).service).to.equal('ENT');
  });

  it('keeps its cause, and is known for what it is', () => {
    const cause = new Error('EIO');
    const error = new BinglideError(full, { cause });
    expect(error.cause).to.equal(cause);
    expect([error, cause, 'E_IO', null].map(isBinglideError)).to.deep.equal([true, false, false, false]);
    expect(error).to.be.instanceOf(Error).with.property('name', 'BinglideError');
  });

  it('is not what a bug of our own becomes', () => {
    expect(() => assert(false, 'two and two'))
      .to.throw('assertion failed: two and two')
      .and.not.be.instanceOf(BinglideError);
    expect(() => assert(1, 'one')).to.not.throw();
  });

  it('has a code that the types know', () => {
    const code: ErrorCode = 'E_EXPIRED';
    expect(isErrorCode(code)).to.equal(true);
  });
});
