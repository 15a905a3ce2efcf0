/**
 * `serve(service)`, the last line of an author's module. Imported by a program that looks for services, or in the
 * compute thread, it only says what the module serves. Started by itself (`node period.js --broker ENDPOINT`) the
 * module becomes a worker process.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { BinglideError, fail } from '../protocol/errors.js';
import type { SlotId } from '../protocol/ids.js';
import { hashOf, offer } from './registry.js';
import type { AnyWorker } from './service.js';

/** What one module served by itself, in this turn of the loop: they share a process. */
let served: AnyWorker[] = [];

/**
 * Arguments where the module is started by itself: --broker ENDPOINT (or $BINGLIDE_BROKER), --slot ID, --root DIR
 * (again for more; the working directory), --stall-ms N.
 */
export function serve(service: AnyWorker): void {
  if (offer(service) || !isMainThread) return;
  served.push(service);
  if (served.length > 1) return;
  queueMicrotask(() => {
    const services = served;
    served = [];
    runHere(services).catch((error: unknown) => {
      const known = error instanceof BinglideError ? error : fail('E_SERVICE', String(error));
      process.stderr.write(`binglide: ${known.message} (${known.code})\n`);
      process.exit(known.code === 'E_USAGE' ? 2 : 1);
    });
  });
}

async function runHere(services: readonly AnyWorker[]): Promise<void> {
  const { values } = parseArgs({
    strict: false,
    options: {
      broker: { type: 'string' },
      slot: { type: 'string' },
      root: { type: 'string', multiple: true },
      'stall-ms': { type: 'string' },
    },
  });
  const broker = values.broker ?? process.env.BINGLIDE_BROKER;
  if (typeof broker !== 'string' || broker === '') {
    throw fail('E_USAGE', 'no broker given; name one with --broker or $BINGLIDE_BROKER');
  }
  const module = pathToFileURL(process.argv[1]!).href;
  for (const service of services) service.versionFrom(hashOf(module));
  // Sockets are loaded here alone: the compute thread imports this file too, and has none.
  const { runSlot } = await import('./process.js');
  runSlot({
    broker,
    slot: (typeof values.slot === 'string' ? values.slot : slotName()) as SlotId,
    services: services.map(({ descriptor }) => descriptor),
    roots: values.root?.map(String) ?? [process.cwd()],
    modules: [module],
    ...(values['stall-ms'] !== undefined && { taskStallMs: Number(values['stall-ms']) }),
  });
}

/** Unique as far as one needs who starts a worker by hand. */
export function slotName(): SlotId {
  return `${process.pid}.${Math.random().toString(36).slice(2, 10)}` as SlotId;
}
