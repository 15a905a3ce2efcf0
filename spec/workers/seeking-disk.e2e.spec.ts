/** Real slots that read from a disk with a head: right, and without sending the head to and fro. */
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { expect } from 'chai';
import { endAll } from '../../bench/children.js';
import { type Daemon, startDaemon } from '../../bench/daemon.js';
import { buildSeekingDisk, type DiskMaker, type SeekingDisk } from '../../bench/peers/seeking-disk.js';
import { Random } from '../random.js';
import { Sandbox } from './fixture.js';
import { histogram } from './oracles.js';

const mib = 2 ** 20;
const fileBytes = 256 * mib;
const cells = 64;
const cellBytes = fileBytes / cells;
/** Samples of this file may take 50 ms: a few seeks, by which the workers know the disk. */
const disk = { seekMs: 5, mibPerSecond: 1600 };
/** Samples included. About 30 are usual; 160 and more, where two slots read at a time or pieces are taken from all over. */
const seeksMax = 90;

/** Holes with random bytes and ramps at random places. */
function write(path: string): void {
  const random = new Random(8);
  const file = openSync(path, 'w');
  ftruncateSync(file, fileBytes);
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

  /** What the head did for one request. */
  async function workFor(request: () => Promise<void>): Promise<{ seeks: number; bytes: number }> {
    const before = await head.counted();
    await request();
    const { seeks, bytes } = await head.counted();
    return { seeks: seeks - before.seeks, bytes: bytes - before.bytes };
  }

  it('answer right, read everything once, and seldom seek', async function () {
    if (!makeDisk) {
      this.test!.title += ': left out, there is no C compiler here';
      return this.skip();
    }
    const counts = countsOf(path);

    const ent = await workFor(async () => {
      const job = daemon.client.request({ service: 'ENT', inputs: [path], cells, cache: false });
      const { h } = (await job.final()).cells;
      expect(h.length).to.equal(cells);
      for (let i = 0; i < cells; i++) expect(h[i], `cell ${i}`).to.be.closeTo(entropy(counts[i]!), 1e-9);
    });
    const hist = await workFor(async () => {
      const job = daemon.client.request({ service: 'HIST', inputs: [path], cache: false });
      const sums = counts.reduce((sum, cell) => sum.map((count, value) => count + cell[value]!));
      expect(Array.from((await job.final()).fields.counts as Float64Array)).to.deep.equal(sums);
    });

    for (const { seeks, bytes } of [ent, hist]) {
      expect(bytes, 'everything, and samples').to.be.within(fileBytes + 1, fileBytes + mib);
      expect(seeks).to.be.at.most(seeksMax);
    }
  });
});
