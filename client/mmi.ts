/** What a broker says of itself: the answers of its `mmi.` services, each one msgpack map. */
import { type Descriptor, fail, type PlainMap, unpackMap } from '../protocol/index.js';
import { printablePath } from './report.js';

export const servicesService = 'mmi.services';
export const jobsService = 'mmi.jobs';

/** Answer of `services()`. */
export interface ServiceList {
  readonly services: readonly {
    readonly descriptor: Descriptor;
    readonly digest: string;
    /** Workers that serve it, and slots that they run in. */
    readonly workers: number;
    readonly slots: number;
  }[];
  readonly slots: { readonly total: number; readonly busy: number };
  readonly endpoint: string;
  readonly version: string;
  readonly pid: number;
}

/** One entry of `jobs()`. */
export interface JobEntry {
  readonly jobId: string;
  readonly service: string;
  readonly paths: readonly string[];
  readonly range: readonly [number, number] | null;
  readonly completion: number;
  readonly state: string;
  readonly ageMs: number;
  readonly clientId: string;
}

export function serviceList(body: readonly Uint8Array[]): ServiceList {
  return mapOf(servicesService, body, 'services') as unknown as ServiceList;
}

export function jobEntries(body: readonly Uint8Array[]): JobEntry[] {
  type Entry = Omit<JobEntry, 'paths'> & { readonly paths: readonly Uint8Array[] };
  const { jobs } = mapOf(jobsService, body, 'jobs') as unknown as { readonly jobs: readonly Entry[] };
  return jobs.map((job) => ({ ...job, paths: job.paths.map(printablePath) }));
}

/** The map, which has a list under this name; anything else is no answer of a broker that we know. */
function mapOf(service: string, body: readonly Uint8Array[], list: string): PlainMap {
  const map = body[0] ? unpackMap(body[0]) : {};
  if (Array.isArray(map[list])) return map;
  throw fail('E_PROTOCOL', `the broker answered ${service} without a list of ${list}`, { service });
}
