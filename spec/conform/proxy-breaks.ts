/** More ways for a broker to be wrong: what the proxy does to messages, with what it has to remember of a connection. */
import { pack, unpackMap } from '../../protocol/index.js';

export type Frames = Buffer[];

/** Of one connection, and of all of them. */
export interface Memory {
  readonly own: Map<string, Buffer>;
  readonly shared: Map<string, string>;
}

export interface Fault {
  /** To the peer in place of this message. */
  readonly out?: (frames: Frames, memory: Memory) => Frames[];
  /** To the broker in place of this message. */
  readonly into?: (frames: Frames, memory: Memory) => Frames[];
}

export const is = (frames: Frames, header: string, ...commands: number[]): boolean =>
  String(frames[0]) === header && frames[1]?.length === 1 && commands.includes(frames[1][0]!);

export const swap = (list: Frames, at: number, bytes: Uint8Array | string): Frames =>
  list.map((frame, i) => (i === at ? Buffer.from(bytes as string) : frame));

/** Changes of the header map. */
export function withMap(frames: Frames, at: number, change: (map: { [key: string]: unknown }) => unknown): Frames {
  const map = { ...unpackMap(frames[at]!) };
  return frames.map((frame, i) => (i === at ? Buffer.from(pack(change(map))) : frame));
}

const isReport = (frames: Frames) => is(frames, 'BXMC02', 2, 3) && frames.length > 4;
const isQuery = (frames: Frames) => isReport(frames) && unpackMap(frames[3]!).raw !== true;
const isTask = (frames: Frames) => is(frames, 'BXMW02', 2);
const isAnswer = (frames: Frames) => is(frames, 'BXMW02', 4, 10);
const kindOf = (frames: Frames) => (unpackMap(frames[2]!).task as { kind: string }).kind;

const welcomes = (cancelEndpoint: string): Fault => ({
  out: (frames) => [frames[1]?.[0] === 8 ? withMap(frames, 2, (map) => ({ ...map, cancelEndpoint })) : frames],
});
const errors = (change: (map: { [key: string]: unknown }) => unknown): Fault => ({
  out: (frames) => [is(frames, 'BXMC02', 10) ? withMap(frames, 2, change) : frames],
});
const queries = (change: (map: { [key: string]: unknown }) => unknown): Fault => ({
  out: (frames) => [isQuery(frames) ? withMap(frames, 3, change) : frames],
});
const mmi = (name: string, change: (map: { [key: string]: unknown }) => unknown): Fault => ({
  out: (frames) => [isReport(frames) && String(frames[2]) === `mmi.${name}` ? withMap(frames, 4, change) : frames],
});
const drops = (what: (frames: Frames) => boolean): Fault => ({ out: (frames) => (what(frames) ? [] : [frames]) });
const isDeaf = (what: (frames: Frames) => boolean): Fault => ({ into: (frames) => (what(frames) ? [] : [frames]) });
const codeIs = (frames: Frames, code: string) => is(frames, 'BXMC02', 10) && unpackMap(frames[2]!).code === code;

let words = 0;

export const moreFaults: { readonly [fault: string]: Fault } = {
  'ticks somewhere else': welcomes('ipc:///tmp/binglide-conform-nobody'),
  'names a relative endpoint': welcomes('ipc://cancel'),
  'has its endpoint where everybody is': welcomes('ipc:///tmp/cancel'),
  'reads short integers only': isDeaf(
    (frames) => is(frames, 'BXMC02', 9) && /c[bdf]|d2/.test(frames[2]!.toString('hex')),
  ),
  'reads paths as bin only': isDeaf(
    (frames) => is(frames, 'BXMC02', 1) && JSON.stringify(unpackMap(frames[3]!).inputs ?? 0).includes('.bin'),
  ),
  'refuses what it does not know': isDeaf((frames) => is(frames, 'BXMC02', 7) && frames[2]!.includes('unknown')),
  'beats behind each message': {
    out: (frames) => (is(frames, 'BXMC02', 9) ? [frames, [frames[0]!, Buffer.from([5])]] : [frames]),
  },
  'writes arrays in Fortran order': {
    out: (frames) => [
      isQuery(frames)
        ? frames.map((frame, i) =>
            i > 3 ? Buffer.from(frame.toString('latin1').replace('False', 'True '), 'latin1') : frame,
          )
        : frames,
    ],
  },
  'leaves out the state of cells': queries((map) => ({
    ...map,
    arrays: (map.arrays as string[]).map((name) => (name === 'cells.state' ? 'cells.other' : name)),
  })),
  'does not see that connections go': {},
  'calls each attempt 1': {
    out(frames, { own }) {
      if (!isTask(frames)) return [frames];
      own.set('map', frames[2]!);
      return [withMap(frames, 2, (map) => ({ ...map, attempt: 1 }))];
    },
    into(frames, { own }) {
      const real = own.get('map');
      if (!isAnswer(frames) || !real || unpackMap(frames[2]!).attempt !== 1) return [frames];
      return [withMap(frames, 2, (map) => ({ ...map, attempt: unpackMap(real).attempt }))];
    },
  },
  'gives every task three times': {
    out(frames) {
      if (!isTask(frames)) return [frames];
      const copy = (n: number) =>
        withMap(frames, 2, (map) => ({ ...map, attempt: Number(map.attempt) + n * 1_000_000 }));
      return [frames, copy(1), copy(2)];
    },
  },
  'gives nothing twice': {
    out(frames, { shared }) {
      if (!isTask(frames)) return [frames];
      const { jobId } = unpackMap(frames[2]!);
      if (shared.has(String(jobId))) return [];
      shared.set(String(jobId), 'given');
      return [frames];
    },
  },
  'knows each client once': {
    into(frames, { shared }) {
      if (!is(frames, 'BXMC02', 7)) return [frames];
      const key = frames[2]!.toString('hex');
      if (shared.has(key)) return [];
      shared.set(key, 'greeted');
      return [frames];
    },
  },
  'lists each job twice': mmi('jobs', (map) => ({ jobs: [...(map.jobs as object[]), ...(map.jobs as object[])] })),
  'words its errors anew': errors((map) => ({ ...map, message: `${map.message} ${words++}` })),
  'cuts the answers of plain clients': {
    out: (frames) => [is(frames, 'MDPC02', 3) && frames.length > 4 ? frames.slice(0, -1) : frames],
  },
  'gives every request one address': {
    out(frames, { own }) {
      if (!is(frames, 'MDPW02', 2)) return [frames];
      own.set('address', frames[2]!);
      return [swap(frames, 2, 'same')];
    },
    into(frames, { own }) {
      const address = own.get('address');
      return [is(frames, 'MDPW02', 3, 4) && address ? swap(frames, 2, address) : frames];
    },
  },
  'never says that it crashed': drops((frames) => codeIs(frames, 'E_CRASHED')),
  'disconnects no plain worker': drops((frames) => is(frames, 'MDPW02', 6)),
  'lists no services': mmi('services', (map) => ({ ...map, services: [] })),
  'is mute to broken parts': drops((frames) => codeIs(frames, 'E_PROTOCOL')),
  'takes short numbers only': {
    into(frames) {
      const isWide =
        is(frames, 'BXMW02', 4) &&
        frames.slice(3).some((frame) => /<u8|<i4|<f8/.test(frame.toString('latin1', 0, 128)));
      if (!isWide) return [frames];
      const { attempt, epoch, work } = unpackMap(frames[2]!);
      const fault = Buffer.from(pack({ attempt, epoch, work, code: 'E_PROTOCOL', message: 'wide' }));
      return [[frames[0]!, Buffer.from([10]), fault]];
    },
  },
  'tells another version': queries((map) => ({ ...map, version: 9 })),
  'tells another size': {
    out: (frames) => [
      isTask(frames) && kindOf(frames) === 'exact'
        ? withMap(frames, 2, (map) => {
            const task = map.task as { inputs: { identity: object }[] };
            const inputs = task.inputs.map((input) => ({ ...input, identity: { ...input.identity, size: 7 } }));
            return { ...map, task: { ...task, inputs } };
          })
        : frames,
    ],
  },
  'loses the eighth': drops((frames) => is(frames, 'BXMC02', 3) && unpackMap(frames[3]!).requestId === 8),
  'finishes on its own': queries((map) => ({ ...map, scalars: { ...(map.scalars as object), twice: 1 } })),
  'does not tell a finish its bytes': {
    out: (frames) => [
      isTask(frames) && kindOf(frames) === 'finish'
        ? withMap(frames, 2, (map) => {
            const task = map.task as { arrays: string[] };
            return { ...map, task: { ...task, arrays: task.arrays.map((name) => (name === 'n' ? 'm' : name)) } };
          })
        : frames,
    ],
  },
};
