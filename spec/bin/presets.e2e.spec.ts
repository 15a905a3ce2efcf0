/** ent --preset: cells that are the blocks of other tools, cut out and counted here as those tools do it. */
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { entropyOf } from './oracle.js';
import { type Ended, json, mix, Place } from './spawned.js';

const sizes = [0, 1, 1023, 1024, 1025, 2047, 2048, 2049, 81_919, 81_920, 81_921, 82_001, 2_097_153, 5_000_000];

/** The loop of each tool that finds the length of its blocks, in its own plain way. */
const lengthOf: { readonly [preset: string]: (size: number) => number } = {
  binwalk2(size) {
    let block = 1024;
    while (block * 2048 < size) block += 1024;
    return block;
  },
  binwalk3(size) {
    let block = size < 2048 ? size : 1;
    while ((block + 1) * 2048 <= size) block++;
    return block;
  },
  imhex: () => 256,
  unblob(size) {
    let block = 1024;
    while ((block + 1) * 80 <= size && block < 1_048_576) block++;
    return block;
  },
};

interface Block {
  readonly start: number;
  readonly end: number;
  readonly h: number;
}

function blocksOf(preset: string, file: Uint8Array): Block[] {
  const length = lengthOf[preset]!(file.length);
  const blocks: Block[] = [];
  for (let start = 0; start < file.length; start += length) {
    const end = Math.min(file.length, start + length);
    blocks.push({ start, end, h: entropyOf(file.subarray(start, end)) });
  }
  return blocks;
}

/** From the table of several files. */
function cellsOf({ lines }: Ended, name: string): Block[] {
  const rows = lines.map((line) => line.split('\t')).filter(([file]) => file === name);
  return rows.map(([, start, end, , h]) => ({ start: Number(start), end: Number(end), h: Number(h) }));
}

describe('ent --preset', function () {
  this.timeout(120_000);
  const files = new Map(sizes.map((size) => [`${size}.bin`, mix(size, size + 1)]));
  let place: Place;

  before(async () => {
    place = await Place.make();
    for (const [name, bytes] of files) await writeFile(place.path(name), bytes);
    await mkdir(place.path('dir'));
    await place.start(['up']).linesOut(1);
  });
  after(() => place.remove());

  for (const preset of Object.keys(lengthOf)) {
    it(`${preset}: each file has the tool’s own blocks, and their entropies`, async () => {
      const ended = await place.run('ent', '--preset', preset, ...files.keys());
      expect([ended.code, ended.stderr]).to.deep.equal([0, '']);
      for (const [name, bytes] of files) {
        const [cells, blocks] = [cellsOf(ended, name), blocksOf(preset, bytes)];
        const edges = (list: readonly Block[]) => list.map(({ start, end }) => [start, end]);
        expect(edges(cells), name).to.deep.equal(edges(blocks));
        const worst = cells.reduce((most, { h }, i) => Math.max(most, Math.abs(h - blocks[i]!.h)), 0);
        expect(worst, name).to.be.below(1e-6);
      }
    });
  }

  it('keeps the blocks of the whole file when a range is asked about', async () => {
    const options = ['--json', '--preset', 'unblob', '--range', '100000:+200000'];
    const [{ fields }] = json(await place.run('ent', ...options, '5000000.bin'));
    expect(fields.cells.start).to.deep.equal([100_000, 125_000, 187_500, 250_000]);
  });

  it('is refused where it makes too many cells, with what to do instead', async () => {
    await writeFile(place.path('sparse'), '');
    await truncate(place.path('sparse'), 2 ** 28 + 1);
    const { code, stdout, stderr } = await place.run('ent', '--preset', 'imhex', 'sparse');
    expect(stderr).to.equal(
      'binglide: --preset imhex has blocks of 256 bytes and makes more than 1048576 cells of 268435457 bytes; ' +
        'try a shorter --range, or --block 257 (E_CELLS)\n',
    );
    expect([code, stdout.length]).to.deep.equal([1, 0]);
    const shorter = await place.run('ent', '--preset', 'imhex', '--range', ':1k', 'sparse');
    expect([shorter.code, shorter.lines.length]).to.deep.equal([0, 5]);
  });

  it('tells of a file that cannot be read as every command does, and goes on', async () => {
    const { code, lines, stderr } = await place.run('ent', '--preset', 'binwalk3', '1023.bni', 'dir', '1.bin');
    expect(stderr.split('\n').slice(0, 2)).to.deep.equal([
      'binglide: 1023.bni: no such file; 1023.bin is there (E_NOT_FOUND)',
      'binglide: dir is a directory; -r takes the files in it (E_DIRECTORY)',
    ]);
    expect([code, lines]).to.deep.equal([1, ['file\tstart\tend\tn\th\tmin\tmax', '1.bin\t0\t1\t1\t0\t0\t0']]);
  });
});
