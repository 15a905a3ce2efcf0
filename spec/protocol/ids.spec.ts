/** Names on the wire: base32, client ids, job ids. */
import { expect } from 'chai';
import {
  base32,
  type ClientId,
  clientIdOf,
  isClientId,
  jobIdOf,
  parseJobId,
  type RequestId,
} from '../../protocol/index.js';
import { Random } from '../random.js';

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/** The long way: one big number, five bits at a time. */
function base32ByHand(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}

describe('base32', () => {
  it('is RFC 4648’s, in small letters and without padding', () => {
    const pairs = ['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((text) => base32(Buffer.from(text)));
    expect(pairs).to.deep.equal(['', 'my', 'mzxq', 'mzxw6', 'mzxw6yq', 'mzxw6ytb', 'mzxw6ytboi']);
  });

  it('is the same as the long way for anything', () => {
    const random = new Random(1);
    for (let i = 0; i < 500; i++) {
      const bytes = random.bytes(random.int(0, 40));
      expect(base32(bytes)).to.equal(base32ByHand(bytes));
    }
  });
});

describe('a client id', () => {
  it('is 26 characters for 128 bits', () => {
    const id = clientIdOf(new Random(2).bytes(16));
    expect(id).to.match(/^[a-z2-7]{26}$/);
    expect(isClientId(id)).to.equal(true);
  });

  it('is nothing else', () => {
    for (const other of [
      '',
      'a'.repeat(15),
      'a'.repeat(65),
      'A'.repeat(26),
      '1'.repeat(26),
      `${'a'.repeat(26)}\n`,
      5,
      null,
    ]) {
      expect(isClientId(other), String(other)).to.equal(false);
    }
  });
});

describe('a job id', () => {
  it('is read back into its halves', () => {
    const random = new Random(3);
    for (let i = 0; i < 500; i++) {
      const client = clientIdOf(random.bytes(random.int(10, 40)));
      const request = random.pick([0, 1, 10, Number.MAX_SAFE_INTEGER, random.bits()]) as RequestId;
      expect(parseJobId(jobIdOf(client, request))).to.deep.equal({ client, request });
    }
  });

  it('names one pair only: clients that end in digits do not run into their numbers', () => {
    const one = jobIdOf('aaaaaaaaaaaaaaaa2' as ClientId, 3 as RequestId);
    const two = jobIdOf('aaaaaaaaaaaaaaaa' as ClientId, 23 as RequestId);
    expect(one).to.not.equal(two);
    expect(parseJobId(one)).to.deep.equal({ client: 'aaaaaaaaaaaaaaaa2', request: 3 });
  });

  it('survives one changed character as another id or as none, never as itself', () => {
    const random = new Random(4);
    const id = jobIdOf(clientIdOf(random.bytes(16)), 42 as RequestId);
    for (let i = 0; i < 1000; i++) {
      const at = random.int(0, id.length - 1);
      const other = String.fromCharCode(random.int(0, 300));
      const changed = id.slice(0, at) + other + id.slice(at + 1);
      const halves = parseJobId(changed);
      if (halves) expect(jobIdOf(halves.client, halves.request)).to.equal(changed);
    }
  });
});
