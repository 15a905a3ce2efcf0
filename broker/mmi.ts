/**
 * What the broker answers itself (RFC 8): `mmi.service`, and for v2 clients `mmi.services` and `mmi.jobs`, one msgpack
 * map each. Any other mmi name is "501".
 */
import { pack } from '../protocol/index.js';
import type { Books } from './books.js';
import type { Routing } from './routing.js';

export const isMmi = (service: string): boolean => service.startsWith('mmi.');

/** What a broker may say of itself. */
export interface About {
  readonly endpoint?: string;
  readonly version?: string;
  readonly pid?: number;
}

export interface MmiContext {
  readonly books: Books;
  readonly routing: Routing;
  readonly isPlain: boolean;
  readonly about: About;
  readonly now: number;
}

export function answerMmi(
  service: string,
  body: readonly Uint8Array[],
  { books, routing, isPlain, about, now }: MmiContext,
): Uint8Array[] {
  switch (isPlain && service !== 'mmi.service' ? 'unknown' : service) {
    case 'mmi.service': {
      const name = Buffer.from(body[0] ?? []).toString();
      return [Buffer.from(books.services.find(name) || routing.serves(name) ? '200' : '404')];
    }
    case 'mmi.services':
      return [pack({ ...services(books, routing), ...about })];
    case 'mmi.jobs':
      return [pack({ jobs: [...jobs(books, now), ...rawJobs(routing, now)] })];
    default:
      return [Buffer.from('501')];
  }
}

function services(books: Books, routing: Routing) {
  const { roster, epoch } = books;
  const slotsOf = (peers: ReadonlySet<string>) =>
    new Set([...roster.workers()].filter((it) => peers.has(it.peer)).map((it) => it.slot)).size;
  const described = books.services
    .all()
    .filter((service) => service.startable || service.workers.size > 0)
    .map(({ descriptor, digest, workers }) => ({ descriptor, digest, workers: workers.size, slots: slotsOf(workers) }));
  return {
    services: described,
    opaque: routing.services(),
    slots: { total: roster.slotCount, busy: roster.busySlots },
    epoch,
  };
}

function jobs(books: Books, now: number) {
  return [...books.jobs.values()].map((job) => ({
    jobId: job.id,
    service: job.query.service,
    paths: job.query.inputs.map((input) => input[0]!.path),
    range: job.phase.name === 'running' ? [...job.phase.picture.input.range] : null,
    completion: job.completion,
    state: job.phase.name,
    ageMs: Math.round(now - job.startedMs),
    clientId: job.clientId,
  }));
}

function rawJobs(routing: Routing, now: number) {
  return routing.jobs().map(({ id, service, startedMs, clientId }) => ({
    jobId: id,
    service,
    paths: [],
    range: null,
    completion: 0,
    state: 'opaque',
    ageMs: Math.round(now - startedMs),
    clientId,
  }));
}
