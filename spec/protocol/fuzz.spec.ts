/**
 * The decoders against garbage: every golden frame, changed at random in its bytes, its frames or its values. No decoder
 * throws, and what passes it is safe to work with. Same seed, same garbage; a failure prints the frames.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  BinglideError,
  checkParams,
  decodePart,
  decodeReport,
  decodeToBroker,
  decodeToClient,
  decodeToWorker,
  descriptorDigest,
  type FieldSpec,
  fieldsOf,
  finishCell,
  finishWhole,
  gather,
  hasCells,
  pack,
  plainQuery,
  type ToBroker,
  unpackMap,
  wholeFieldBytes,
} from '../../protocol/index.js';
import { Random } from '../random.js';
import { packageRoot } from '../root.js';
import { hexOf, ofHex } from '../vectors/json.js';
import { diff, ent, hist } from '../vectors/samples.js';

const seed = 20;
const rounds = 20_000;

const golden: Uint8Array[][] = [
  'messages-client.json',
  'messages-worker.json',
  'messages-plain.json',
  'errors.json',
  'accepted.json',
  'invalid.json',
].flatMap((file) =>
  (JSON.parse(readFileSync(join(packageRoot, 'protocol', 'vectors', file), 'utf8')) as { frames: string[] }[]).map(
    ({ frames }) => frames.map(ofHex),
  ),
);

/** Bytes that decoders trip over: lengths that are not there, types that nobody wants. */
const nasty = [
  'dd00100000',
  'dfffffffff',
  'c6ffffffff',
  'dbffffffff',
  'c1',
  'd6ffffffffff',
  '93',
  '80',
  'c0',
  'cf',
].map(ofHex);
const junk: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1,
  1.5,
  NaN,
  Infinity,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  '',
  'x',
  'HIST',
  '26:aaaa1',
  [],
  [[]],
  {},
  { toString: 1 },
  { length: 3 },
  { constructor: null },
  new Uint8Array(3),
  [1, 2, 3],
  'u8',
  'sum',
  'concat',
];

function mutateBytes(random: Random, frame: Uint8Array): Uint8Array {
  const bytes = [...frame];
  for (let i = random.int(1, 4); i > 0; i--) {
    const at = random.int(0, bytes.length);
    switch (random.int(0, 4)) {
      case 0:
        if (at < bytes.length) bytes[at]! ^= 1 << random.int(0, 7);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = random.int(0, 255);
        break;
      case 2:
        bytes.splice(at, random.int(0, 8));
        break;
      case 3:
        bytes.splice(at, random.int(0, 4), ...random.pick(nasty));
        break;
      default:
        bytes.length = at;
    }
  }
  return Uint8Array.from(bytes);
}

/** A header map with one value somewhere in it replaced, dropped, or put elsewhere. */
function mutateValues(random: Random, frame: Uint8Array): Uint8Array {
  let map: { [key: string]: unknown };
  try {
    map = structuredClone(unpackMap(frame)) as { [key: string]: unknown };
  } catch {
    return mutateBytes(random, frame);
  }
  for (let i = random.int(1, 3); i > 0; i--) {
    let place = map as { [key: string]: unknown };
    for (;;) {
      const key = random.pick([...Object.keys(place), 'extra']);
      const inner = place[key];
      if (typeof inner === 'object' && inner !== null && !(inner instanceof Uint8Array) && random.chance(0.7)) {
        place = inner as { [key: string]: unknown };
        continue;
      }
      if (random.chance(0.2)) delete place[key];
      else place[key] = structuredClone(random.pick(junk));
      break;
    }
  }
  return pack(map);
}

function mutate(random: Random, frames: readonly Uint8Array[]): Uint8Array[] {
  const changed = [...frames];
  const at = random.int(0, Math.max(0, changed.length - 1));
  switch (random.int(0, 9)) {
    case 0:
      changed.splice(at, 1);
      break;
    case 1:
      changed.splice(at, 0, random.pick(random.pick(golden)) ?? new Uint8Array(0));
      break;
    case 2:
      changed.push(random.bytes(random.int(0, 20)));
      break;
    case 3:
      changed[1] = Uint8Array.of(random.int(0, 12));
      break;
    case 4:
      random.shuffle(changed);
      break;
    case 5:
    case 6:
      changed[at] = mutateBytes(random, changed[at] ?? new Uint8Array(0));
      break;
    default: {
      const map = changed.findIndex((frame, i) => i >= 2 && (frame[0]! >> 4 === 8 || frame[0]! >= 0xde));
      if (map >= 0) changed[map] = mutateValues(random, changed[map]!);
    }
  }
  return changed;
}

/** A refusal is fine; anything else is a bug of ours. */
function refusable(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof BinglideError)) throw error;
  }
}

/** What the broker does next with a message that passed the decoder. */
function use(message: ToBroker): void {
  switch (message.kind) {
    case 'ready': {
      const { descriptor } = message;
      descriptorDigest(descriptor);
      hasCells(descriptor);
      refusable(() => {
        const params = checkParams(descriptor, {});
        wholeFieldBytes(descriptor, params, () => 8);
        for (const form of ['summed', 'whole'] as const) finishNothing(fieldsOf(descriptor, form), message);
      });
      break;
    }
    case 'request':
      for (const service of [hist, ent, diff]) refusable(() => checkParams(service, message.query.params));
      break;
    case 'plainRequest':
      refusable(() => plainQuery(message.service, message.body));
      break;
    case 'taskFinal':
      for (const service of [hist, ent, diff]) {
        refusable(() => decodePart(service.fields, { start: 0, end: 4096, cellBytes: 4096 }, message.part));
      }
      break;
    default:
  }
}

/** An empty file: the parts of nothing, and the report that is made of them. */
function finishNothing(fields: readonly FieldSpec[], { descriptor }: ToBroker & { kind: 'ready' }): void {
  const params = checkParams(descriptor, {});
  const { columns } = gather(fields, params, [], { start: 0, end: 0, cellBytes: 0 });
  for (const { of, finish, scope } of descriptor.report) {
    const field = fields.find(({ name }) => name === of);
    if (!field) continue;
    if (scope !== 'cell') finishWhole(finish, field, columns);
    if (scope !== 'whole') finishCell(finish, field, columns[of]!);
  }
}

describe('the decoders', () => {
  it(`take ${rounds} mutilated messages (seed ${seed}) without throwing, and without taking much memory`, function () {
    this.timeout(60_000);
    const random = new Random(seed);
    const kinds = new Map<string, number>();
    let peak = 0;
    const before = process.memoryUsage();
    for (let i = 0; i < rounds; i++) {
      const frames = mutate(random, random.pick(golden));
      try {
        const message = decodeToBroker(frames);
        kinds.set(message.kind, (kinds.get(message.kind) ?? 0) + 1);
        use(message);
        decodeToClient(frames);
        decodeToWorker(frames);
        refusable(() => decodeReport(frames.slice(3)));
      } catch (error) {
        expect.fail(`round ${i}: ${(error as Error).stack}\n${JSON.stringify(frames.map(hexOf))}`);
      }
      if (i % 500 === 0) {
        const now = process.memoryUsage();
        peak = Math.max(peak, now.heapUsed + now.external - before.heapUsed - before.external);
      }
    }
    expect(peak, 'bytes').to.be.below(256 * 2 ** 20);
    // Garbage that is always refused at once would prove nothing: every kind gets through now and then.
    for (const kind of ['ready', 'request', 'taskFinal', 'taskError', 'badRequest', 'plainRequest', 'clientCancel']) {
      expect(kinds.get(kind) ?? 0, kind).to.be.above(10);
    }
  });
});
