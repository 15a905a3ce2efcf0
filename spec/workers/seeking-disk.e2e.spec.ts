/** Real slots that read from a disk with a head: right, and without sending the head to and fro. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { expect } from 'chai';
import { endAll } from '../../bench/children.js';
import { type Daemon, startDaemon } from '../../bench/daemon.js';
import { buildSeekingDisk, type DiskMaker, type SeekingDisk } from '../../bench/peers/seeking-disk.js';
import { sampleRunBytes } from '../../broker/sampling.js';
import { Random } from '../random.js';
import { Sandbox } from './fixture.js';
import { histogram } from './oracles.js';

const mib = 2 ** 20;
const fileBytes = 256 * mib;
const cells = 64;
const cellBytes = fileBytes / cells;
/** A seek is dear, and samples of this file may take 50 ms: many seeks, so that the workers come to know the disk. */
const disk = { seekMs: 3, mibPerSecond: 1600 };
const rounds = 3;
/** Samples not counted. 1 to 3 are usual; 30 and more, where two slots read at a time or pieces come from all over. */
const seeksMax = 10;

/** Zeros, which are there to be read and no holes, with random bytes and ramps at random places. */
function write(path: string): void {
  const random = new Random(8);
  const file = openSync(path, 'w');
  for (let at = 0; at < fileBytes; at += mib) writeSync(file, new Uint8Array(mib), 0, mib, at);
  for (let i = 0; i < 8; i++) {
    const island = i % 2 === 0 ? random.bytes(mib) : Uint8Array.from({ length: mib }, (_, at) => at >> 4);
    writeSync(file, island, 0, mib, random.int(0, fileBytes - mib));
  }
  closeSync(file);
}

/** Counts of each cell, by the plainest loop. */
function countsOf(path: string): number[][] {
  const file = openSync(path, 'r');
  const counts = Array.from({ length: cells }, (_, cell) => {
    const bytes = new Uint8Array(cellBytes);
    readSync(file, bytes, 0, cellBytes, cell * cellBytes);
    return histogram(bytes, 0, cellBytes);
  });
  closeSync(file);
  return counts;
}

function entropy(counts: readonly number[]): number {
  const shares = counts.filter((count) => count > 0).map((count) => count / cellBytes);
  return shares.reduce((h, share) => h - share * Math.log2(share), 0);
}

describe('slots on a disk that seeks', function () {
  this.timeout(60_000);
  const sandbox = new Sandbox();
  const path = sandbox.path('file');
  let makeDisk: DiskMaker | null;
  let head: SeekingDisk;
  let daemon: Daemon;

  before(async () => {
    makeDisk = await buildSeekingDisk(sandbox.folder);
    if (!makeDisk) return;
    write(path);
    head = await makeDisk({ file: path, ...disk });
    const { folder } = sandbox;
    daemon = await startDaemon({ folder }, { slots: 2, env: head.env, broker: { sampleAboveMs: 1 } });
  });
  after(async () => {
    await daemon?.close();
    await endAll();
    sandbox.remove();
  });

  it('are tried where everything is to be tried', () => {
    if (process.env.CI === 'true') expect(makeDisk, 'install a C compiler: the package gcc').not.to.equal(null);
  });

  /** What the head did for one request: all bytes exactly once, and runs of samples, a seek each. */
  async function seeksFor(request: () => Promise<void>): Promise<number> {
    const before = await head.counted();
    await request();
    const after = await head.counted();
    const sampledBytes = after.bytes - before.bytes - fileBytes;
    expect(sampledBytes, 'bytes of samples').to.be.within(sampleRunBytes, mib);
    return after.seeks - before.seeks - sampledBytes / sampleRunBytes;
  }

  it('answer right, read everything once, and seldom seek when they know the disk', async function () {
    if (!makeDisk) {
      this.test!.title += ': left out, there is no C compiler here';
      return this.skip();
    }
    const counts = countsOf(path);
    const sums = counts.reduce((sum, cell) => sum.map((count, value) => count + cell[value]!));
    const ask = { inputs: [path], cells, cache: false };
    const seeks: { [service: string]: number[] } = { ENT: [], HIST: [] };
    // A first request may be half done when its samples tell of the disk; on a busy machine they may tell nothing.
    for (let round = 0; round < rounds; round++) {
      const ent = await seeksFor(async () => {
        const { h } = (await daemon.client.request({ service: 'ENT', ...ask }).final()).cells;
        expect(h.length).to.equal(cells);
        for (let i = 0; i < cells; i++) expect(h[i], `cell ${i}`).to.be.closeTo(entropy(counts[i]!), 1e-9);
      });
      const hist = await seeksFor(async () => {
        const { fields } = await daemon.client.request({ service: 'HIST', ...ask }).final();
        expect(Array.from(fields.counts as Float64Array)).to.deep.equal(sums);
      });
      seeks.ENT!.push(ent);
      seeks.HIST!.push(hist);
    }
    for (const [service, each] of Object.entries(seeks)) {
      expect(Math.min(...each), `${service}: ${each.join(' ')} seeks`).to.be.at.most(seeksMax);
    }
  });
});
