/** A plain worker to be judged: `node plain-worker.js ENDPOINT [HEARTBEAT_MS]`. It serves `echo`; a body `wait N` takes N milliseconds. */
import { PlainWorker } from '../../workers/plain.js';

const [broker, heartbeatMs = '1000'] = process.argv.slice(2) as [string, string?];

const worker = new PlainWorker({
  broker,
  service: 'echo',
  heartbeatMs: Number(heartbeatMs),
  async *handler(body) {
    const [word, ms] = String(body[0]).split(' ');
    if (word === 'wait') await new Promise((resolve) => setTimeout(resolve, Number(ms)));
    yield [Buffer.from('half')];
    yield body;
  },
});
await worker.start();
