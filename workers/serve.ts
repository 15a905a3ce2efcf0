/**
 * `serve(service)`, the last line of an author's module. Imported by a program that looks for services, or in the
 * compute thread, it only says what the module serves. Started by itself (`node period.js --broker ENDPOINT`) the
 * module becomes a program (program.ts).
 */
import { isMainThread } from 'node:worker_threads';
import { BinglideError, fail } from '../protocol/errors.js';
import { offer } from './registry.js';
import type { AnyWorker } from './service.js';

/** What one module served by itself, in this turn of the loop: they share a process. */
let served: AnyWorker[] = [];

/** Arguments where the module is started by itself: those of program.ts. */
export function serve(service: AnyWorker): void {
  if (offer(service) || !isMainThread) return;
  served.push(service);
  if (served.length > 1) return;
  queueMicrotask(() => {
    const services = served;
    served = [];
    // Only now: the compute thread imports this file too, and has neither sockets nor arguments.
    import('./program.js')
      .then(({ runProgram }) => runProgram(services, process.argv.slice(2)))
      .catch((error: unknown) => {
        const known = error instanceof BinglideError ? error : fail('E_SERVICE', String(error));
        process.stderr.write(`binglide: ${known.message} (${known.code})\n`);
        process.exit(known.code === 'E_USAGE' || known.code === 'E_PARAM' ? 2 : 1);
      });
  });
}
