import { expect } from 'chai';
import { checkBrokerOptions, defaultBrokerOptions } from '../../broker/options.js';
import { isBinglideError } from '../../protocol/index.js';

describe('broker/options', () => {
  it('have defaults for all fields, and take what is given', () => {
    expect(checkBrokerOptions({})).to.deep.equal(defaultBrokerOptions);
    expect(checkBrokerOptions({ jobsMax: 5, outcomeMs: Infinity })).to.deep.equal({
      ...defaultBrokerOptions,
      jobsMax: 5,
      outcomeMs: Infinity,
    });
  });

  it('that are not given stay at their defaults also where they are named', () => {
    expect(checkBrokerOptions({ jobsMax: undefined } as never)).to.deep.equal(defaultBrokerOptions);
  });

  it('that make no sense are refused by field and value', () => {
    for (const [field, value] of Object.entries({
      heartbeatMs: 0,
      jobsMax: -1,
      sliceMs: NaN,
      reportMs: '25',
      taskStallMs: null,
    })) {
      let refusal: unknown;
      try {
        checkBrokerOptions({ [field]: value });
      } catch (error) {
        refusal = error;
      }
      expect(isBinglideError(refusal) && refusal.code).to.equal('E_USAGE');
      expect(String(refusal)).to.include(field).and.include(String(value));
    }
  });
});
