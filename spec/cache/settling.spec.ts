import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { measureInput } from '../../cache/inputs.js';
import { Settling } from '../../cache/settling.js';

describe('cache/settling', () => {
  const { now } = Date;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'binglide-spec-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  afterEach(() => {
    Date.now = now;
  });

  it('looks again where its timer is early by the clock that the file’s times go by', async () => {
    const path = join(folder, 'young');
    await writeFile(path, 'content');
    const settleMs = 150;
    const measured = await measureInput(Buffer.from(path), undefined, settleMs);
    const settling = new Settling(settleMs);
    const settled = settling.settled(measured);
    // From here on that clock is behind the timer's.
    Date.now = () => now() - 40;
    expect(await settled).to.equal(true);
    expect(settling.waitMs(measured)).to.equal(0);
  });

  it('tells who waits at its end that it cannot be told yet', async () => {
    const path = join(folder, 'younger');
    await writeFile(path, 'content');
    const measured = await measureInput(Buffer.from(path), undefined, 50_000);
    const settling = new Settling(50_000);
    const settled = settling.settled(measured);
    settling.close();
    expect(await settled).to.equal(false);
  });
});
