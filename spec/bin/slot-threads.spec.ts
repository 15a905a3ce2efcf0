/** Slots that are threads of a node: what they offer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startNode } from '../../bin/node.js';
import { SlotThreads } from '../../bin/slot-threads.js';
import { connect } from '../../client/index.js';

describe('bin/slot-threads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'binglide-spec-'));
  after(() => rmSync(folder, { recursive: true }));

  /** Services that have workers, when one that is asked has answered. */
  const offered = async (services?: readonly string[]) => {
    const node = await startNode({ slots: 1, brief: true, cacheDir: folder, ...(services && { services }) });
    const client = await connect({ endpoint: node.endpoint });
    try {
      expect(node.slots).to.be.instanceOf(SlotThreads);
      await client.request({ service: 'ENT', inputs: [process.execPath], range: [0, 4096] }).final();
      const list = await client.services();
      return list.services.filter(({ workers }) => workers > 0).map(({ descriptor }) => descriptor.name);
    } finally {
      await client.close();
      await node.close();
    }
  };

  it('offer what will be asked and nothing else', async () => {
    expect(await offered(['ENT'])).to.deep.equal(['ENT']);
  });

  it('offer every built-in service where that is not said', async () => {
    expect((await offered()).length).to.be.greaterThan(5);
  });
});
