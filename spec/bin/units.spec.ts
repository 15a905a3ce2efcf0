import { expect } from 'chai';
import { glyphsOf, printable, shorten, textWidth } from '../../bin/cli/canvas.js';
import { clock, completionPercent, duration, exactSize, percent, size, sizeOf } from '../../bin/cli/units.js';

const unicode = glyphsOf({ columns: 80, unicode: true, color: false });

describe('numbers as people read them', () => {
  it('are 1024-based with one decimal, none from 100', () => {
    expect([0, 1, 1023, 1024, 98_932_688, 2 ** 30, 1023.99 * 2 ** 20, 2 ** 50].map(size)).to.deep.equal([
      '0 bytes',
      '1 byte',
      '1,023 bytes',
      '1.0 KiB',
      '94.3 MiB',
      '1.0 GiB',
      '1.0 GiB',
      '1.0 PiB',
    ]);
    expect(sizeOf(586 * 2 ** 30, 932 * 2 ** 30)).to.equal('586 of 932 GiB');
  });

  it('are exact where a width is meant', () => {
    expect([1, 0, 4096, 131_072, 4100, 2 ** 30].map(exactSize)).to.deep.equal([
      '1 byte',
      '0 bytes',
      '4 KiB',
      '128 KiB',
      '4,100 bytes',
      '1 GiB',
    ]);
  });

  it('never round something to nothing, nor something unfinished to everything', () => {
    expect(percent(0.000001, 1)).to.equal('<0.1%');
    expect(percent(0, 1)).to.equal('0.0%');
    expect([0, 0.6349, 0.9999, 1].map(completionPercent)).to.deep.equal(['0%', '63%', '99%', '100%']);
  });

  it('tell times short and long', () => {
    expect([3, 90, 12_345, 245_000].map(duration)).to.deep.equal(['0.003 s', '0.09 s', '12.3 s', '4:05']);
    expect([9, 579, 3723].map(clock)).to.deep.equal(['0:09', '9:39', '1:02:03']);
  });
});

describe('names on a terminal', () => {
  it('are shortened in the middle', () => {
    expect(shorten('firmware-1.0.bin', 11, unicode)).to.equal('firmw…0.bin');
    expect(shorten('short', 11, unicode)).to.equal('short');
    expect(textWidth(shorten('名前名前名前.bin', 9, unicode))).to.be.at.most(9);
  });

  it('are only what can be printed', () => {
    expect(printable('a\tb\u0007é', { unicode: true })).to.equal('a?b?é');
    expect(printable('né', { unicode: false })).to.equal('n?');
  });
});
