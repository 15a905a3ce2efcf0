/**
 * The tables of RFC 18 and BXMDPv2 sections 3 to 10 as data: which frames each message has, which entries its map. What a
 * peer sends is held against them, message by message; each fault names the rule that it breaks.
 */
import { isMap, type MapValue, unpack } from './msgpack.js';
import { readNpy } from './npy.js';
import type { Dialect } from './rules.js';
import { commandOf, type Frames, type Header, headerOf, shown, textOf } from './wire.js';

export interface Fault {
  readonly rule: string;
  readonly dialect: Dialect;
  readonly what: string;
}

export type From = 'broker' | 'worker' | 'client';
type Entries = { readonly [entry: string]: string };

interface Form {
  readonly from: readonly From[];
  /** Number of frames, least and most. */
  readonly frames: readonly [number, number];
  /** Which frame is the header map, and its entries: `int!` is required. */
  readonly map?: number;
  readonly entries?: Entries;
  /** Frames behind the map are arrays that `arrays` names. */
  readonly arrays?: true;
  /** A map with `raw` has no other entry than requestId, and any frames behind it. */
  readonly raw?: true;
}

const any = Number.POSITIVE_INFINITY;
const work: Entries = { 'work.bytesRead': 'int!', 'work.ms': 'num!' };
const fault: Entries = { code: 'text!', message: 'text!', service: 'text', range: 'list' };
const report: Entries = {
  requestId: 'int!',
  jobId: 'text!',
  service: 'text!',
  version: 'version!',
  inputs: 'list!',
  range: 'list!',
  completion: 'num!',
  exact: 'bool',
  cellBytes: 'int!',
  scalars: 'map!',
  arrays: 'list!',
  work: 'map!',
};
const welcome: Entries = {
  heartbeatMs: 'int!',
  cancelEndpoint: 'text!',
  epoch: 'text!',
  limits: 'map!',
  'limits.messageBytesMax': 'int!',
  'limits.jobsMax': 'int!',
};
const body: Form = { from: ['broker'], frames: [4, any] };
const beat: Form = { from: ['broker', 'worker', 'client'], frames: [2, 3], map: 2, entries: {} };
const plainBeat: Form = { from: ['broker', 'worker'], frames: [2, 2] };

const forms: { readonly [header in Header]: { readonly [command: string]: Form } } = {
  MDPC02: { REQUEST: { from: ['client'], frames: [4, any] }, PARTIAL: body, FINAL: body },
  MDPW02: {
    READY: { from: ['worker'], frames: [3, 3] },
    REQUEST: { from: ['broker'], frames: [5, any] },
    PARTIAL: { from: ['worker'], frames: [5, any] },
    FINAL: { from: ['worker'], frames: [5, any] },
    HEARTBEAT: plainBeat,
    DISCONNECT: plainBeat,
  },
  BXMC02: {
    HELLO: { from: ['client'], frames: [3, 3], map: 2, entries: { clientId: 'text!' } },
    WELCOME: { from: ['broker'], frames: [3, 3], map: 2, entries: welcome },
    REQUEST: { from: ['client'], frames: [4, any], map: 3, entries: { requestId: 'int!', cells: 'int', snap: 'bool' } },
    PARTIAL: { from: ['broker'], frames: [4, any], map: 3, entries: report, arrays: true, raw: true },
    FINAL: { from: ['broker'], frames: [4, any], map: 3, entries: report, arrays: true, raw: true },
    ERROR: { from: ['broker'], frames: [3, 3], map: 2, entries: { requestId: 'int!', ...fault } },
    CANCEL: { from: ['broker', 'client'], frames: [3, 3], map: 2, entries: { jobId: 'text', outcome: 'text' } },
    HEARTBEAT: beat,
    DISCONNECT: beat,
  },
  BXMW02: {
    READY: {
      from: ['worker'],
      frames: [4, 4],
      map: 3,
      entries: { descriptor: 'map!', slot: 'text!', credit: 'int!' },
    },
    WELCOME: { from: ['broker'], frames: [3, 3], map: 2, entries: welcome },
    REQUEST: {
      from: ['broker'],
      frames: [3, any],
      map: 2,
      entries: { attempt: 'int!', epoch: 'text!', jobId: 'text!', task: 'map!' },
    },
    FINAL: {
      from: ['worker'],
      frames: [3, any],
      map: 2,
      entries: { attempt: 'int!', epoch: 'text!', arrays: 'list!', work: 'map!', ...work },
      arrays: true,
    },
    ERROR: {
      from: ['worker'],
      frames: [3, 3],
      map: 2,
      entries: { attempt: 'int!', epoch: 'text!', work: 'map!', ...work, ...fault },
    },
    CANCEL: { from: ['broker'], frames: [3, 3], map: 2, entries: { jobId: 'text!', attempts: 'list!' } },
    HEARTBEAT: { ...beat, entries: { attempt: 'int', bytesDone: 'int' } },
    DISCONNECT: beat,
  },
};

const errorCodes = new Set(
  (
    'NOT_FOUND DIRECTORY ACCESS NOT_SEEKABLE OUTSIDE_ROOTS IO CHANGED RANGE CELLS PARAM USAGE NO_SERVICE SERVICE ' +
    'STALLED CRASHED CANCELLED BUSY NO_JOB NO_BROKER BROKER_LOST EXPIRED INTERNAL PROTOCOL'
  )
    .split(' ')
    .map((name) => `E_${name}`),
);

export const isErrorCode = (code: unknown): boolean => typeof code === 'string' && errorCodes.has(code);

/** What one message breaks; `header` is the one that this connection speaks. */
export function faultsOf(frames: Frames, from: From, header: Header): Fault[] {
  const dialect = header.startsWith('MDP') ? 'mdp' : 'v2';
  return brokenBy(frames, from, header).map((broken) => ({ ...broken, dialect }));
}

type Broken = Omit<Fault, 'dialect'>;

function brokenBy(frames: Frames, from: From, header: Header): Broken[] {
  const named = headerOf(frames);
  const plain = header.startsWith('MDP');
  if (named === undefined || frames[1]?.length !== 1) return [{ rule: 'G-5', what: shown(frames) }];
  if (named !== header) return [{ rule: 'G-7', what: `${shown(frames)} on a connection of ${header}` }];
  const form = forms[header][commandOf(frames)];
  if (!form?.from.includes(from)) return [{ rule: 'G-6', what: `${shown(frames)} from a ${from}` }];
  const [least, most] = form.frames;
  if (frames.length < least || frames.length > most) {
    return [{ rule: 'G-6', what: `${shown(frames)}: ${frames.length} frames` }];
  }
  if (plain) return envelopeFaults(frames);
  if (form.map === undefined || frames.length <= form.map) return [];
  return mapFaults(frames, form);
}

/** RFC 18: a worker's REQUEST, PARTIAL and FINAL have one address and an empty frame behind it. */
function envelopeFaults(frames: Frames): Broken[] {
  if (textOf(frames[0]) !== 'MDPW02' || !['REQUEST', 'PARTIAL', 'FINAL'].includes(commandOf(frames))) return [];
  if (frames[2]!.length === 0) return [{ rule: 'G-6', what: `${shown(frames)}: an empty client address` }];
  return frames[3]!.length > 0 ? [{ rule: 'G-6', what: `${shown(frames)}: no empty frame behind the address` }] : [];
}

function mapFaults(frames: Frames, form: Form): Broken[] {
  const { map, faults, floats, bins } = unpack(frames[form.map!]!);
  const name = commandOf(frames);
  const found: Broken[] = faults.map(({ rule, what }) => ({ rule, what: `${name}: ${what}` }));
  if (form.raw && map.raw === true) return found;
  for (const [path, type] of Object.entries(form.entries ?? {})) {
    const value = at(map, path);
    if (value === undefined || value === null) {
      if (type.endsWith('!')) found.push({ rule: 'G-6', what: `${name} has no ${path}` });
    } else if (!isOf(value, type.replace('!', ''))) {
      found.push({ rule: 'G-6', what: `${name}: ${path} is not ${type.replace('!', '')}` });
    } else if (type.startsWith('int') && floats.has(path)) {
      found.push({ rule: 'G-10', what: `${name}: ${path} is whole and written as a float` });
    }
  }
  if (typeof map.code === 'string' && !isErrorCode(map.code)) {
    found.push({ rule: 'B-6', what: `${name}: code ${map.code} is not in section 11` });
  }
  found.push(...pathFaults(name, map, bins), ...listFaults(name, map));
  return form.arrays ? [...found, ...arrayFaults(name, map, frames.slice(form.map! + 1))] : found;
}

/** G-11: paths travel as bin, an identity's numbers as decimal text. */
function pathFaults(name: string, map: MapValue, bins: ReadonlySet<string>): Broken[] {
  const inputs = isMap(map.task) ? map.task.inputs : map.inputs;
  if (!Array.isArray(inputs)) return [];
  const prefix = isMap(map.task) ? 'task.inputs' : 'inputs';
  return inputs.flatMap((input, i) => {
    if (!isMap(input)) return [];
    const faults = bins.has(`${prefix}.${i}.path`)
      ? []
      : [{ rule: 'G-11', what: `${name}: a path is not written as bin` }];
    if (!isMap(input.identity)) return faults;
    const texts = ['dev', 'ino', 'mtimeNs', 'ctimeNs'].map((key) => (input.identity as MapValue)[key]);
    const isDecimal = texts.every((text) => typeof text === 'string' && /^-?\d+$/.test(text));
    return isDecimal ? faults : [...faults, { rule: 'G-11', what: `${name}: an identity is not of decimal texts` }];
  });
}

/** G-13: what may stand in a list of numbers is a range, a run, a shape, attempts; anything longer is an array. */
function listFaults(name: string, map: MapValue, path = ''): Broken[] {
  return Object.entries(map).flatMap(([key, value]) => {
    if (key === 'attempts' || key === 'shape' || key === 'oneOf') return [];
    const here = path ? `${path}.${key}` : key;
    if (isMap(value)) return listFaults(name, value, here);
    if (!Array.isArray(value)) return [];
    const isNumeric = value.length > 2 && value.every((item) => typeof item === 'number');
    return isNumeric ? [{ rule: 'G-13', what: `${name}: ${here} is an array of ${value.length} numbers` }] : [];
  });
}

function arrayFaults(name: string, map: MapValue, frames: Frames): Broken[] {
  const names = Array.isArray(map.arrays) ? map.arrays : [];
  if (names.length !== frames.length) {
    return [{ rule: 'G-6', what: `${name}: ${names.length} arrays are named, ${frames.length} frames are there` }];
  }
  return frames.flatMap((frame, i) => {
    try {
      readNpy(frame);
      return [];
    } catch (error) {
      return [{ rule: 'A-10', what: `${name}: array ${names[i]}: ${(error as Error).message}` }];
    }
  });
}

function at(map: MapValue, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isMap(value) ? value[key] : undefined), map);
}

function isOf(value: unknown, type: string): boolean {
  if (type === 'int') return Number.isSafeInteger(value);
  if (type === 'num') return Number.isFinite(value);
  if (type === 'text') return typeof value === 'string';
  if (type === 'bool') return typeof value === 'boolean';
  if (type === 'list') return Array.isArray(value);
  if (type === 'version') return Number.isSafeInteger(value) || typeof value === 'string';
  return isMap(value);
}
