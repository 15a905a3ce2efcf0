/** A plain client to be judged: `node plain-client.js ENDPOINT SERVICE FILE`. It ends with 0 where it had its answer. */
import { PlainClient } from '../../client/index.js';
import { pack } from '../../protocol/index.js';

const [endpoint, service, file] = process.argv.slice(2) as [string, string, string];
const client = new PlainClient({ endpoint });

try {
  for await (const { kind, body } of client.request(service, [pack({ inputs: [Buffer.from(file)] })])) {
    process.stdout.write(`${kind} ${body.length}\n`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  client.close();
}
