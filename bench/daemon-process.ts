/**
 * The process of `startDaemon`: a node as `binglide up` starts it, with options given as JSON. Prints its endpoint and ends
 * with its standard input or when asked.
 */
import { Publisher } from 'zeromq';
import { startNode } from '../bin/node.js';
import type { DaemonOptions } from './daemon.js';

const { publishOneIn = 1, ...options } = JSON.parse(process.argv[2]!) as Omit<DaemonOptions, 'env'>;
if (publishOneIn > 1) loseMost(publishOneIn);
const node = await startNode(options);

const close = () => void node.close().finally(() => process.exit(0));
process.once('SIGTERM', close);
process.stdin.once('end', close).resume();
process.stdout.write(`${node.endpoint}\n`);

/** Publications may be lost in this world: here only one in so many is sent. A socket takes no method of ours, its class does. */
function loseMost(oneIn: number): void {
  const { send } = Publisher.prototype;
  let count = 0;
  Object.defineProperty(Publisher.prototype, 'send', {
    async value(this: Publisher, ...message: Parameters<typeof send>) {
      if (count++ % oneIn === 0) await send.apply(this, message);
    },
  });
}
