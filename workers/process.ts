/**
 * A slot as a whole process: starts it and sees to its end. SIGTERM, SIGINT and SIGHUP take leave of the broker, end with 0.
 * With `parent` the process also ends when its stdin does, which happens whatever ended the one who started it; a
 * kernel that spins in the compute thread does not hold it up.
 */
import { SlotHost, type SlotOptions } from './worker.js';

/** Taking leave is quick or is not done. */
const farewellMs = 800;

export function runSlot(options: SlotOptions, { parent = false }: { readonly parent?: boolean } = {}): SlotHost {
  const host = new SlotHost(options);
  let ending = false;
  const end = () => {
    if (ending) return;
    ending = true;
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), farewellMs);
    host.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', end);
  // What a terminal says reaches the whole group: a parent decides itself what becomes of its workers.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, parent ? () => {} : end);
  if (parent) {
    process.stdin.on('end', end).on('close', end).on('error', end);
    process.stdin.resume();
  }
  host.start();
  return host;
}
