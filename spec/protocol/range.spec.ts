/** Ranges as people write them, and the bytes that they mean. */
import { expect } from 'chai';
import { parseBytes, parseRange, resolveRange, wholeRange } from '../../protocol/index.js';

const refusal = (attempt: () => unknown): string => {
  try {
    attempt();
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  return 'taken';
};
const bounds = (text: string, size: number) => resolveRange(parseRange(text), size, 'a.bin');

describe('a number of bytes', () => {
  it('is decimal or hexadecimal, with units of 1024 and sectors of 512', () => {
    const given = ['0', '4096', '0x1000', '8s', '64k', '64K', '1.5M', '64KiB', '64kB', '2g', '1T'].map(parseBytes);
    expect(given).to.deep.equal([0, 4096, 4096, 4096, 65_536, 65_536, 1_572_864, 65_536, 65_536, 2 ** 31, 2 ** 40]);
  });

  it('is whole, and at most 2^53−1', () => {
    expect(parseBytes('9007199254740991')).to.equal(Number.MAX_SAFE_INTEGER);
    for (const text of ['9007199254740992', '8192T', '0x20000000000000', '0.3k', '1.5']) {
      expect(
        refusal(() => parseBytes(text)),
        text,
      ).to.equal(`E_USAGE: "${text}" is no number of bytes; write 4096, 0x1000, 64k, 1G or 8s`);
    }
  });

  it('is no other text', () => {
    for (const text of ['', ' ', 'k', '0x', '0xg', '1e3', '-1', '+1', '1_000', '1,5k', 'NaN', 'Infinity', '1kk', '٣']) {
      expect(
        refusal(() => parseBytes(text)),
        text,
      ).to.match(/^E_USAGE/);
    }
  });
});

describe('a range', () => {
  it('is START:END, START:+LEN, :END, START: or -LEN:', () => {
    expect(bounds('0x10:32', 100)).to.deep.equal([16, 32]);
    expect(bounds('10:+5', 100)).to.deep.equal([10, 15]);
    expect(bounds(':5', 100)).to.deep.equal([0, 5]);
    expect(bounds('5:', 100)).to.deep.equal([5, 100]);
    expect(bounds('-5:', 100)).to.deep.equal([95, 100]);
    expect(bounds(':', 100)).to.deep.equal([0, 100]);
    expect(bounds(' 1 : 2 ', 100)).to.deep.equal([1, 2]);
  });

  it('counts from the end in both places', () => {
    expect(bounds('-10:-5', 100)).to.deep.equal([90, 95]);
    expect(bounds('10:-10', 100)).to.deep.equal([10, 90]);
    expect(bounds('-10:+4', 100)).to.deep.equal([90, 94]);
    expect(bounds('-10:+10', 100)).to.deep.equal([90, 100]);
    expect(bounds('-10:+99', 100)).to.deep.equal([90, 100]);
  });

  it('may be empty, anywhere up to the end', () => {
    for (const text of ['0:0', '100:100', '100:', '100:+0', '50:+0']) {
      const [start, end] = bounds(text, 100);
      expect(start, text).to.equal(end);
    }
    expect(bounds(':', 0)).to.deep.equal([0, 0]);
    expect(resolveRange(wholeRange, 0, 'a.bin')).to.deep.equal([0, 0]);
  });

  it('has exactly one colon, and numbers', () => {
    for (const text of ['', '5', '1:2:3', 'a:b', '1:+', '1:+-1', '--1:', '1:x']) {
      expect(
        refusal(() => parseRange(text)),
        text,
      ).to.match(/^E_USAGE/);
    }
  });

  it('does not take no bytes from the end for all of them', () => {
    expect(refusal(() => parseRange('-0:'))).to.equal('E_USAGE: --range: -0 counts no byte from the end; leave it out');
    expect(refusal(() => parseRange('0:-0'))).to.match(/^E_USAGE/);
    expect(refusal(() => parseRange('-0k:+5'))).to.match(/^E_USAGE/);
  });

  it('does not pass 2^53−1', () => {
    expect(refusal(() => parseRange('9007199254740991:+1'))).to.equal(
      'E_RANGE: --range 9007199254740991:+1 ends past 2^53−1',
    );
  });

  it('lies inside the file; the refusal names the way out', () => {
    expect(refusal(() => bounds('101:', 100))).to.equal('E_RANGE: the range starts past a.bin (0x64); try 0:');
    expect(refusal(() => bounds('16:101', 100))).to.equal('E_RANGE: the range ends past a.bin (0x64); try 0x10:');
    expect(refusal(() => bounds('-101:', 100))).to.equal(
      'E_RANGE: the range starts 1 bytes before a.bin (100 bytes) does; try 0:',
    );
    expect(refusal(() => bounds('50:49', 100))).to.equal('E_RANGE: the range ends at 0x31, before it starts at 0x32');
    expect(refusal(() => bounds('0:-101', 100))).to.equal('E_RANGE: the range ends at -0x1, before it starts at 0x0');
  });
});
