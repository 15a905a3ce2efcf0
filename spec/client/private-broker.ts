/** A program for the specs: a fake broker as a private child is one. Answers every request; ends with its input. */
import { jobIdOf } from '../../protocol/index.js';
import { FakeBroker, freshEndpoint, histReport, removeEndpoints } from './fake-broker.js';

const endpoint = await freshEndpoint();
const broker = await FakeBroker.bind(endpoint);
process.stdout.write(`${endpoint}\n`);
process.stdin.resume().on('end', async () => {
  await broker.close();
  await removeEndpoints();
  process.exit(0);
});
process.stderr.write('a line of chatter\n');
const { clientId } = await broker.next('hello');
for (;;) {
  const { requestId } = await broker.next('request');
  broker.send({ kind: 'final', requestId, report: histReport(jobIdOf(clientId, requestId), 1) });
}
