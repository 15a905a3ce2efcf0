/** The blocks of other tools: lengths as those tools have them, around their limits. */
import { expect } from 'chai';
import { type EntropyPreset, entropyPresets, presetBlockBytes } from '../../protocol/index.js';

const MiB = 2 ** 20;

/** [bytes in the file, bytes in a block], in pairs. */
const blocks: { readonly [preset in EntropyPreset]: readonly (readonly [number, number])[] } = {
  binwalk2: [
    [0, 1024],
    [1, 1024],
    [2048, 1024],
    [2 * MiB, 1024],
    [2 * MiB + 1, 2048],
    [4 * MiB, 2048],
    [5_000_000, 3072],
    [98_932_688, 49_152],
    [2 ** 40, 512 * MiB],
    [2 ** 40 + 1, 512 * MiB + 1024],
  ],
  binwalk3: [
    [0, 1],
    [1, 1],
    [2047, 2047],
    [2048, 1],
    [4095, 1],
    [4096, 2],
    [5_000_000, 2441],
    [98_932_688, 48_306],
    [2 ** 40, 512 * MiB],
  ],
  imhex: [
    [0, 256],
    [255, 256],
    [2 ** 40, 256],
  ],
  unblob: [
    [0, 1024],
    [81_919, 1024],
    [81_999, 1024],
    [82_000, 1025],
    [5_000_000, 62_500],
    [98_932_688, 1_048_576],
    [80 * MiB - 1, MiB - 1],
    [80 * MiB, MiB],
    [2 ** 40, MiB],
  ],
};

describe('the blocks of other tools', () => {
  for (const preset of entropyPresets) {
    it(`are as long as ${preset} makes them`, () => {
      const made = blocks[preset].map(([fileBytes]) => [fileBytes, presetBlockBytes(preset, fileBytes)]);
      expect(made).to.deep.equal(blocks[preset]);
    });
  }

  it('are whole bytes, at least one, and no shorter in a longer file of 2048 bytes or more', () => {
    for (const preset of entropyPresets) {
      let before = 0;
      for (let fileBytes = 2048; fileBytes < 2 ** 52; fileBytes = Math.ceil(fileBytes * 1.37)) {
        const block = presetBlockBytes(preset, fileBytes);
        expect(block, `${preset} ${fileBytes}`).to.satisfy(Number.isSafeInteger).and.at.least(Math.max(1, before));
        before = block;
      }
    }
  });
});
