/** A program for the specs: uses a private broker and says its pid, then closes (or with `die` is killed). */
import { fileURLToPath } from 'node:url';
import { Client } from '../../client/client.js';
import { startPrivateBroker } from '../../client/private.js';

const broker = await startPrivateBroker(fileURLToPath(new URL('./private-broker.js', import.meta.url)));
const client = await Client.open(broker.endpoint, { connectMs: 5000, brokerLostMs: 5000 }, broker);
const { completion } = await client.request({ service: 'HIST', inputs: ['/data/a.bin'] }).final();
process.stdout.write(`${broker.pid} ${completion}\n`, async () => {
  if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');
  await client.close();
  // Nothing else ends this process: it ends because nothing holds it.
});
