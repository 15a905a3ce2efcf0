/**
 * The process of `startDaemon`: a node as `binglide up` starts it, with options given as JSON. Prints its endpoint and ends
 * with its standard input or when asked.
 */
import { startNode } from '../bin/node.js';
import type { DaemonOptions } from './daemon.js';

const { publishOneIn = 1, ...options } = JSON.parse(process.argv[2]!) as DaemonOptions;
const node = await startNode(options);

if (publishOneIn > 1) {
  // Publications may be lost in this world: here most of them are.
  const { publisher } = node.broker;
  const send = publisher.send.bind(publisher);
  let count = 0;
  publisher.send = async (...message) => {
    if (count++ % publishOneIn === 0) await send(...message);
  };
}

const close = () => void node.close().finally(() => process.exit(0));
process.once('SIGTERM', close);
process.stdin.once('end', close).resume();
process.stdout.write(`${node.endpoint}\n`);
