/** invalid.json: everything that is refused, workers' messages from refused-workers.ts among it. */
import { envelope, pack } from '../../protocol/index.js';
import { concat, fixstr, nested, uint64 } from './raw.js';
import { client, type Refused, refuse, worker } from './refused.js';
import { refusedFromWorkers } from './refused-workers.js';
import * as s from './samples.js';

const none = new Uint8Array(0);
const hist = s.bytesOf('HIST');
const bare = { inputs: ['/data/a.bin'] };
const task = { attempt: 1, epoch: s.epoch, jobId: s.jobId(1), task: s.task() };
const report = (more: object = {}) => {
  const { arrays: _, ...header } = s.report();
  return pack({ requestId: 1, ...header, arrays: [], ...more });
};
const ready = { descriptor: s.hist, slot: s.slot, credit: 1 };

const badClient = (name: string, frames: readonly Uint8Array[], reason: string) =>
  refuse('client-to-broker', 'drop', name, frames, reason);
const unnamed = (name: string, map: object) =>
  badClient(`REQUEST: ${name}`, client(1, hist, pack({ requestId: 1, ...bare, ...map })), 'requestId');
/** It names itself, so its client is told. */
const badRequest = (name: string, map: object, reason: string) =>
  refuse(
    'client-to-broker',
    'error',
    `REQUEST: ${name}`,
    client(1, hist, pack({ requestId: 1, ...bare, ...map })),
    reason,
  );
const badTask = (name: string, change: object, reason: string) =>
  refuse(
    'broker-to-worker',
    'disconnect',
    `REQUEST: ${name}`,
    worker(2, pack({ ...task, task: { ...task.task, ...change } })),
    reason,
  );
const badReport = (name: string, frames: readonly Uint8Array[], reason: string) =>
  refuse('broker-to-client', 'fail', `FINAL: ${name}`, client(3, hist, ...frames), reason);

const envelopes: readonly Refused[] = [
  badClient('no frame', [], 'no known header'),
  badClient('an empty frame', [none], 'no known header'),
  badClient('a leading empty frame, as MDP 0.1 has it', [none, ...client(5)], 'no known header'),
  badClient('a header of five bytes', [s.bytesOf('BXMC0'), new Uint8Array([5])], 'no known header'),
  badClient('a header of another version', [s.bytesOf('BXMC03'), new Uint8Array([5])], 'no known header'),
  badClient('only a header', [s.bytesOf('BXMC02')], 'not one command byte'),
  badClient('an empty command', [s.bytesOf('BXMC02'), none], 'not one command byte'),
  badClient('a command of two bytes', [s.bytesOf('BXMC02'), new Uint8Array([0, 5])], 'not one command byte'),
  badClient('command 0', client(0), 'command'),
  badClient('command 255', [s.bytesOf('BXMC02'), new Uint8Array([255])], 'command'),
  badClient('PARTIAL from a client', client(2, hist, pack({ requestId: 1 })), 'command'),
  badClient('WELCOME from a client', client(8, pack({})), 'command'),
  badClient('HEARTBEAT of four frames', client(5, pack({}), none), 'two or three frames'),
  badClient('HEARTBEAT with a list', client(5, pack([])), 'not a msgpack map'),
];

const headerMaps: readonly Refused[] = [
  badClient('HELLO without a map', client(7), 'frames'),
  badClient('HELLO of four frames', client(7, pack({ clientId: s.clientId }), none), 'exactly 3 frames'),
  badClient('an empty header frame', client(7, none), 'too early'),
  badClient('a header that is a number', client(7, pack(5)), 'not a msgpack map'),
  badClient('a header that is nil', client(7, pack(null)), 'not a msgpack map'),
  badClient('a header with a byte behind it', client(7, concat(pack({ clientId: s.clientId }), [0])), 'too many'),
  badClient('a header cut short', client(7, pack({ clientId: s.clientId }).subarray(0, 20)), 'too early'),
  badClient('a key __proto__', client(7, concat([0x81], fixstr('__proto__'), [0x80])), '__proto__'),
  badClient('an extension', client(7, concat([0x81], fixstr('a'), [0xd4, 0, 0])), '0xd4'),
  badClient('a timestamp', client(7, concat([0x81], fixstr('a'), [0xd6, 0xff, 0, 0, 0, 0])), '0xd6'),
  badClient('the byte 0xc1', client(7, new Uint8Array([0xc1])), '0xc1'),
  badClient('a map of 2^32−1 entries in five bytes', client(7, concat([0xdf, 255, 255, 255, 255])), 'too early'),
  badClient('a list of 2^20 items in five bytes', client(7, concat([0xdd, 0, 16, 0, 0])), 'too early'),
  badClient('a text of 2^32−1 bytes in five', client(7, concat([0xdb, 255, 255, 255, 255])), 'too early'),
  badClient('bytes of 2^32−1 bytes in five', client(7, concat([0xc6, 255, 255, 255, 255])), 'too early'),
  badClient('33 maps and lists inside each other', client(7, concat([0x81], fixstr('a'), nested(32))), 'deeper'),
  badClient('1000 lists inside each other', client(7, nested(1000)), 'deeper'),
];

const requests: readonly Refused[] = [
  badClient('HELLO: no clientId', client(7, pack({})), 'clientId'),
  badClient('HELLO: capital letters', client(7, pack({ clientId: s.clientId.toUpperCase() })), 'clientId'),
  badClient('HELLO: 15 characters', client(7, pack({ clientId: 'abcdefghijklmno' })), 'clientId'),
  badClient('HELLO: 65 characters', client(7, pack({ clientId: 'a'.repeat(65) })), 'clientId'),
  badClient('REQUEST of three frames', client(1, hist), 'at least 4 frames'),
  refuse(
    'client-to-broker',
    'error',
    'REQUEST of five frames',
    client(1, hist, pack({ requestId: 1, ...bare }), none),
    'exactly 4 frames',
  ),
  badClient('REQUEST: an empty service', client(1, none, pack({ requestId: 1, ...bare })), 'service'),
  badClient('REQUEST: a space in the service', client(1, 'HI ST', pack({ requestId: 1, ...bare })), 'service'),
  badClient('REQUEST: a service of 256', client(1, 'A'.repeat(256), pack({ requestId: 1, ...bare })), 'service'),
  badClient('REQUEST: a service in UTF-8', client(1, 'HÏST', pack({ requestId: 1, ...bare })), 'service'),
  unnamed('no requestId', { requestId: undefined }),
  unnamed('requestId −1', { requestId: -1 }),
  unnamed('requestId 1.5', { requestId: 1.5 }),
  unnamed('requestId as a text', { requestId: '1' }),
  badClient(
    'REQUEST: requestId 2^53',
    client(1, hist, concat([0x82], fixstr('requestId'), uint64(2n ** 53n), fixstr('inputs'), pack(['/a']))),
    'requestId',
  ),
  badRequest('no inputs', { inputs: undefined }, 'inputs'),
  badRequest('an empty list of inputs', { inputs: [] }, 'inputs'),
  badRequest('three inputs', { inputs: ['/a', '/b', '/c'] }, 'inputs'),
  badRequest('an input without extents', { inputs: [[]] }, 'exactly one extent'),
  badRequest('an input of two extents', { inputs: [['/a', '/b']] }, 'exactly one extent'),
  badRequest('a path that is a number', { inputs: [{ path: 5 }] }, 'path'),
  badRequest('an offset below 0', { inputs: [{ path: '/a', offset: -1 }] }, 'offset'),
  badRequest('a range of one text', { range: '0:5' }, 'range'),
  badRequest('a range of three', { range: [0, 1, 2] }, 'range'),
  badRequest('a range past 2^53−1', { range: [0, 2 ** 53] }, 'range'),
  badRequest('no cells at all', { cells: 0 }, 'cells'),
  badRequest('half a cell', { cells: 0.5 }, 'cells'),
  badRequest('snap 1', { snap: 1 }, 'snap'),
  badRequest('params as a list', { params: [] }, 'params'),
  badRequest('version true', { version: true }, 'version'),
  badRequest('a job id that is none', { jobId: '1:ab1' }, 'jobId'),
  badClient('CANCEL of nothing', client(9, pack({})), 'requestId'),
  badClient('CANCEL of a number as job id', client(9, pack({ jobId: 5 })), 'jobId'),
];

const plain: readonly Refused[] = [
  refuse('plain-client-to-broker', 'drop', 'C.REQUEST of three frames', envelope('MDPC02', 1, 'echo'), '4 frames'),
  refuse('plain-client-to-broker', 'drop', 'C.PARTIAL from a client', envelope('MDPC02', 2, 'echo', none), 'command'),
  refuse('plain-client-to-broker', 'drop', 'HEARTBEAT from a plain client', envelope('MDPC02', 5), 'command'),
  refuse('plain-client-to-broker', 'drop', 'C.REQUEST: no service', envelope('MDPC02', 1, none, none), 'service'),
  refuse('plain-worker-to-broker', 'disconnect', 'W.READY of two frames', envelope('MDPW02', 1), 'exactly 3'),
  refuse('plain-worker-to-broker', 'disconnect', 'W.READY of four', envelope('MDPW02', 1, 'echo', none), 'exactly 3'),
  refuse('plain-worker-to-broker', 'disconnect', 'W.FINAL of four', envelope('MDPW02', 4, hist, none), '5 frames'),
  refuse(
    'plain-worker-to-broker',
    'disconnect',
    'W.FINAL of two addresses',
    envelope('MDPW02', 4, hist, hist, none, none),
    'fourth frame',
  ),
  refuse(
    'plain-worker-to-broker',
    'disconnect',
    'W.PARTIAL without a delimiter',
    envelope('MDPW02', 3, hist, hist, hist),
    'fourth frame',
  ),
  refuse('plain-worker-to-broker', 'disconnect', 'W.HEARTBEAT of three', envelope('MDPW02', 5, none), 'exactly 2'),
  refuse('plain-worker-to-broker', 'disconnect', 'W.DISCONNECT of three', envelope('MDPW02', 6, none), 'exactly 2'),
  refuse('plain-worker-to-broker', 'disconnect', 'W.REQUEST from a worker', envelope('MDPW02', 2, hist), 'command'),
];

const fromBroker: readonly Refused[] = [
  refuse('broker-to-client', 'fail', 'a worker’s header', worker(5), 'not BXMC02'),
  refuse('broker-to-client', 'fail', 'HELLO from a broker', client(7, pack({ clientId: s.clientId })), 'command'),
  refuse('broker-to-client', 'fail', 'WELCOME: no limits', client(8, pack({ heartbeatMs: 1 })), 'limits'),
  refuse(
    'broker-to-client',
    'fail',
    'WELCOME: heartbeatMs 0',
    client(8, pack({ heartbeatMs: 0, limits: {} })),
    'heartbeatMs',
  ),
  refuse('broker-to-client', 'fail', 'ERROR: no message', client(10, pack({ requestId: 1, code: 'E_IO' })), 'message'),
  refuse(
    'broker-to-client',
    'fail',
    'CANCEL: an outcome of its own',
    client(9, pack({ jobId: s.jobId(1), outcome: 'maybe' })),
    'outcome',
  ),
  badReport('no map', [], 'frames'),
  badReport('completion that is no number', [report({ completion: NaN })], 'completion'),
  badReport('a scalar that is a list', [report({ scalars: { n: [] } })], 'n is not'),
  badReport('a range backwards', [report({ range: [5, 0] })], 'range'),
  badReport('an array that is none', [report({ arrays: ['counts'] }), s.bytesOf('PK')], 'npy'),
  badReport('a frame without a name', [report(), none], 'arrays'),
  refuse('broker-to-worker', 'disconnect', 'a client’s header', client(5), 'not BXMW02'),
  refuse('broker-to-worker', 'disconnect', 'READY from a broker', worker(1, 'HIST', pack(ready)), 'command'),
  badTask('a kind of its own', { kind: 'guess' }, 'task.kind'),
  badTask('a form of its own', { form: 'half' }, 'task.form'),
  badTask('no run', { runs: [] }, 'runs'),
  badTask(
    'two runs of an exact task',
    {
      runs: [
        [0, 1],
        [1, 2],
      ],
    },
    'runs',
  ),
  badTask(
    'runs that overlap',
    {
      kind: 'sample',
      runs: [
        [0, 10],
        [9, 20],
      ],
    },
    'runs',
  ),
  badTask('a run backwards', { runs: [[5, 4]] }, 'run'),
  badTask('no input', { inputs: [] }, 'inputs'),
  badTask('inode as a number', { inputs: [{ path: '/a', identity: { ...s.identity(), ino: 5 } }] }, 'ino'),
  badTask('a parameter that is a list', { params: { gap: [1] } }, 'params'),
  badTask('a finish without rows', { kind: 'finish', arrays: [] }, 'rows'),
  badTask('a finish of rows that are not there', { kind: 'finish', rows: 1, arrays: ['n'] }, 'arrays'),
  refuse(
    'broker-to-worker',
    'disconnect',
    'REQUEST of an exact task with a frame behind the map',
    worker(2, pack(task), none),
    'message',
  ),
  refuse(
    'broker-to-worker',
    'disconnect',
    'CANCEL: attempts as a number',
    worker(9, pack({ jobId: s.jobId(1), attempts: 1 })),
    'attempts',
  ),
];

export const refused: readonly Refused[] = [
  ...envelopes,
  ...headerMaps,
  ...requests,
  ...refusedFromWorkers,
  ...plain,
  ...fromBroker,
];
