/** accepted.json: frames that a reader takes although we write the same message otherwise. */
import { envelope, pack } from '../../protocol/index.js';
import { fixmap, float64, uint64 } from './raw.js';
import * as s from './samples.js';
import type { Direction } from './wire.js';

export interface Accepted {
  readonly name: string;
  readonly direction: Direction;
  readonly frames: readonly Uint8Array[];
  readonly message: object;
}

const hist = s.bytesOf('HIST');
const client = (command: number, ...rest: (Uint8Array | string)[]) => envelope('BXMC02', command, ...rest);
const worker = (command: number, ...rest: (Uint8Array | string)[]) => envelope('BXMW02', command, ...rest);
const bare = { inputs: ['/data/a.bin'] };
const final = { attempt: 1, epoch: s.epoch, arrays: [], work: { bytesRead: 0, ms: 0 } };

export const accepted: readonly Accepted[] = [
  {
    name: 'REQUEST with every default, a text for a path',
    direction: 'client-to-broker',
    frames: client(1, hist, pack({ requestId: 1, ...bare })),
    message: { kind: 'request', requestId: 1, query: s.query() },
  },
  {
    name: 'REQUEST with null for every default',
    direction: 'client-to-broker',
    frames: client(
      1,
      hist,
      pack({
        requestId: 1,
        jobId: null,
        version: null,
        inputs: [{ path: s.bytesOf('/data/a.bin'), offset: null, length: null }],
        range: null,
        cells: null,
        snap: null,
        params: null,
        cache: null,
      }),
    ),
    message: { kind: 'request', requestId: 1, query: s.query() },
  },
  {
    name: 'REQUEST with an entry that this version does not know',
    direction: 'client-to-broker',
    frames: client(1, hist, pack({ requestId: 1, ...bare, deadlineMs: 5 })),
    message: { kind: 'request', requestId: 1, query: s.query() },
  },
  {
    name: 'REQUEST with a range of nulls',
    direction: 'client-to-broker',
    frames: client(1, hist, pack({ requestId: 1, ...bare, range: [null, null] })),
    message: { kind: 'request', requestId: 1, query: s.query() },
  },
  {
    name: 'CANCEL with its number as float64',
    direction: 'client-to-broker',
    frames: client(9, fixmap([['requestId', float64(1)]])),
    message: { kind: 'clientCancel', requestId: 1 },
  },
  {
    name: 'CANCEL with a small number as uint64',
    direction: 'client-to-broker',
    frames: client(9, fixmap([['requestId', uint64(1n)]])),
    message: { kind: 'clientCancel', requestId: 1 },
  },
  {
    name: 'HEARTBEAT with an empty map',
    direction: 'client-to-broker',
    frames: client(5, pack({})),
    message: { kind: 'clientHeartbeat' },
  },
  {
    name: 'HEARTBEAT of a worker with nothing under way',
    direction: 'worker-to-broker',
    frames: worker(5, pack({ attempt: null })),
    message: { kind: 'workerHeartbeat' },
  },
  {
    name: 'ERROR of a task with a code that the catalogue does not have',
    direction: 'worker-to-broker',
    frames: worker(10, pack({ ...final, code: 'IndexError', message: 'x' })),
    message: {
      kind: 'taskError',
      attempt: 1,
      epoch: s.epoch,
      fault: { code: 'E_SERVICE', message: 'x' },
      work: final.work,
    },
  },
  {
    name: 'DISCONNECT of a broker with a map',
    direction: 'broker-to-worker',
    frames: worker(6, pack({ reason: 'unexpected' })),
    message: { kind: 'workerDisconnect' },
  },
];
