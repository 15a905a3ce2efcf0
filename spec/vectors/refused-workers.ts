/** Messages of v2 workers that the broker refuses: each worker is disconnected. */
import { pack } from '../../protocol/index.js';
import { type Refused, refuse, worker } from './refused.js';
import * as s from './samples.js';

const none = new Uint8Array(0);
const final = { attempt: 1, epoch: s.epoch, arrays: [], work: { bytesRead: 0, ms: 0 } };
const ready = { descriptor: s.hist, slot: s.slot, credit: 1 };

const badWorker = (name: string, frames: readonly Uint8Array[], reason: string) =>
  refuse('worker-to-broker', 'disconnect', name, frames, reason);
const badReady = (name: string, map: object, reason: string) =>
  badWorker(`READY: ${name}`, worker(1, 'HIST', pack({ ...ready, ...map })), reason);
const badDescriptor = (name: string, change: object, reason: string) =>
  badReady(name, { descriptor: { ...s.hist, ...change } }, reason);
const badField = (name: string, change: object, reason: string) =>
  badDescriptor(name, { fields: [{ ...s.hist.fields[0], ...change }] }, reason);
const badFinal = (name: string, frames: readonly Uint8Array[], reason: string) =>
  badWorker(`FINAL: ${name}`, worker(4, ...frames), reason);
export const refusedFromWorkers: readonly Refused[] = [
  badWorker('READY of three frames', worker(1, 'HIST'), 'exactly 4 frames'),
  badWorker('READY of another name than the descriptor’s', worker(1, 'ENT', pack(ready)), 'service'),
  badWorker('REQUEST from a worker', worker(2, pack({})), 'command'),
  badWorker('PARTIAL, which v2 does not have', worker(3, pack(final)), 'command'),
  badReady('no descriptor', { descriptor: undefined }, 'not a map'),
  badReady('no slot', { slot: undefined }, 'slot'),
  badReady('an empty slot', { slot: '' }, 'slot'),
  badReady('a slot with a newline', { slot: 'a\nb' }, 'slot'),
  badReady('credit 0', { credit: 0 }, 'credit'),
  badReady('no credit', { credit: undefined }, 'credit'),
  badDescriptor('a name with a dot', { name: 'mmi.x' }, 'name'),
  badDescriptor('no version', { version: undefined }, 'version'),
  badDescriptor('version 1.5', { version: 1.5 }, 'version'),
  badDescriptor('three inputs', { inputs: 3 }, 'inputs'),
  badDescriptor('cached null', { cached: null }, 'cached'),
  badDescriptor('a negative overlap', { overlap: -1 }, 'overlap'),
  badDescriptor('an overlap that names no parameter', { overlap: 'lag' }, 'overlap'),
  badDescriptor('a block that names no parameter', { block: 'block' }, 'block'),
  badDescriptor('a shift of one input', { shift: 'x', params: [int('x')] }, 'shift'),
  badDescriptor('params as a map', { params: {} }, 'params'),
  badDescriptor('a parameter twice', { params: [int('x'), int('x')] }, 'twice'),
  badDescriptor('a parameter whose name is a map', { params: [{ ...int('x'), name: { toString: 1 } }] }, 'no name'),
  badDescriptor('a parameter whose name is a list', { params: [{ ...int('x'), name: ['x'] }] }, 'no name'),
  badDescriptor('a parameter without a type', { params: [{ ...int('x'), type: 'text' }] }, 'type'),
  badDescriptor('a default of another type', { params: [{ ...int('x'), default: 'a' }] }, 'default'),
  badDescriptor('a default that is a map', { params: [{ ...int('x'), default: { toString: 1 } }] }, 'default'),
  badDescriptor('a default out of bounds', { params: [{ ...int('x'), max: -1 }] }, 'default'),
  badDescriptor('oneOf as a number', { params: [{ ...int('x'), oneOf: 5 }] }, 'oneOf'),
  badDescriptor('min as a text', { params: [{ ...int('x'), min: '0' }] }, 'min'),
  badDescriptor('no fields', { fields: [] }, 'fields'),
  badDescriptor(
    'an output of no field',
    { report: [{ name: 'x', of: 'y', finish: 'value', scope: 'whole' }] },
    'of no field',
  ),
  badDescriptor(
    'an output called n',
    { report: [{ name: 'n', of: 'counts', finish: 'value', scope: 'whole' }] },
    'taken',
  ),
  badDescriptor(
    'intervals of a sum',
    { report: [{ name: 'x', of: 'counts', finish: 'intervals', scope: 'whole' }] },
    'not for sum',
  ),
  badDescriptor(
    'cells of a whole field',
    { report: [{ name: 'x', of: 'counts', finish: 'value', scope: 'cell' }] },
    'no cells',
  ),
  badField('an unknown dtype', { dtype: 'u3' }, 'dtype'),
  badField('an unknown operator', { merge: 'mean' }, 'merge operator'),
  badField('cells 1', { cells: 1 }, 'cells'),
  badField('a shape of texts', { shape: ['x'] }, 'shape'),
  badField('rows of more than 2^24 numbers', { shape: [2 ** 24, 2] }, 'more than'),
  badField('a sum of floats', { dtype: 'f8', perByteMax: undefined }, 'whole numbers'),
  badField('perByteMax of signed numbers', { dtype: 'i8' }, 'perByteMax'),
  badField('or of signed numbers', { merge: 'or', dtype: 'i8', perByteMax: undefined }, 'unsigned'),
  badField('once without form whole', { merge: 'once', cells: true, perByteMax: undefined }, 'once'),
  badField('run with a shape', { merge: 'run', perByteMax: undefined }, 'run'),
  badField('concat without a shape', { merge: 'concat', shape: undefined, perByteMax: undefined }, 'concat'),
  badField('a gap of single numbers', { merge: 'concat', shape: [1], gap: 0, perByteMax: undefined }, 'intervals'),
  badField('a gap of a sum', { gap: 0 }, 'gap'),
  badFinal('no map', [], 'frames'),
  badFinal('attempt 0', [pack({ ...final, attempt: 0 })], 'attempt'),
  badFinal('no epoch', [pack({ ...final, epoch: undefined })], 'epoch'),
  badFinal('no work', [pack({ ...final, work: undefined })], 'work'),
  badFinal('work in no time at all', [pack({ ...final, work: { bytesRead: 0, ms: NaN } })], 'work.ms'),
  badFinal('fewer frames than names', [pack({ ...final, arrays: ['counts'] })], 'arrays'),
  badFinal('more frames than names', [pack(final), none], 'arrays'),
  badFinal('a name twice', [pack({ ...final, arrays: ['a', 'a'] }), none, none], 'repeats'),
  badFinal('an array called __proto__', [pack({ ...final, arrays: ['__proto__'] }), none], 'a name'),
  badWorker('ERROR: no message', worker(10, pack({ ...final, code: 'E_IO' })), 'message'),
  badWorker(
    'ERROR: a range backwards',
    worker(10, pack({ ...final, code: 'E_IO', message: 'x', range: [5, 4] })),
    'range',
  ),
  badWorker('HEARTBEAT: an attempt without bytesDone', worker(5, pack({ attempt: 1 })), 'bytesDone'),
];

function int(name: string) {
  return { name, type: 'int', default: 0, help: '' };
}
