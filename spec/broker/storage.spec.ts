import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Storage } from '../../broker/index.js';
import { Cache } from '../../cache/index.js';
import { hist, jobIdOf, query } from './story.js';

/** Believes that every file may be a copy of one that is known. */
class CopiesEverywhere extends Cache {
  override async hashFirst(): Promise<'copy'> {
    return 'copy';
  }
}

describe('broker/storage', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'binglide-spec-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('waits for the hash of what may be a copy only so long, whoever else waits for it', async () => {
    // As large as files are that are hashed first, and no hash is made in the time that is waited.
    const path = join(folder, 'large');
    await writeFile(path, 'x');
    await truncate(path, 4 * 2 ** 30);
    const cache = new CopiesEverywhere({ root: join(folder, 'cache') });
    const storage = new Storage(cache, undefined);
    const file = query('HIST', { inputs: [[{ path: Buffer.from(path), offset: 0, length: null }]] });
    const measure = (job: string) =>
      storage.measure({
        kind: 'measureInputs',
        jobId: jobIdOf(job),
        query: file,
        descriptor: hist,
        digest: 'd',
        params: {},
      });
    const events = await Promise.all([measure('a1'), measure('a2')]);
    for (const event of events) {
      expect(event).to.include({ kind: 'inputsMeasured', bytesHashed: 0 });
      expect(event).to.have.nested.property('inputs[0].hash', null);
    }
    await storage.close();
  });
});
