/** descriptors.json, ids.json, ranges.json and entropy-table.json: values beside what they are made of. */
import { createHash } from 'node:crypto';
import {
  BinglideError,
  base32,
  blockQ,
  type ClientId,
  descriptorDigest,
  entropyTable,
  jobIdOf,
  parseBytes,
  parseJobId,
  parseRange,
  type RangeSpec,
  type RequestId,
  resolveRange,
} from '../../protocol/index.js';
import { type Json, toJson } from './json.js';
import * as s from './samples.js';

export function descriptorVectors(): Json {
  const reordered = Object.fromEntries(Object.entries(s.ent).reverse());
  const all = [
    ['HIST', s.hist],
    ['ENT', s.ent],
    ['ENT with its keys the other way round', reordered],
    ['DIFF', s.diff],
    ['BYTES', s.bytes],
    ['parameters of every type', s.period],
    ['another help', { ...s.hist, help: 'x' }],
    ['another version', { ...s.hist, version: 2 }],
    ['a version in other letters', { ...s.hist, version: 'é"\\𝄞' }],
    ['a finish of its own', { ...s.period, finish: true }],
    ['a large number', { ...s.hist, rangeBytesMax: 2 ** 53 - 1 }],
  ] as const;
  return all.map(([name, descriptor]) => ({
    name,
    descriptor: toJson(descriptor),
    digest: descriptorDigest(descriptor as typeof s.hist),
  }));
}

const notJobIds = [
  '',
  ':',
  '0:1',
  '1:a',
  '2:ab',
  '2:a1',
  '02:ab1',
  '+2:ab1',
  '2.0:ab1',
  '-1:a1',
  '2:ab01',
  '2:ab-1',
  '2:ab1.5',
  '2:ab 1',
  '2:ab1e3',
  '2:a\n1',
  '2:é1',
  '2:ab9007199254740992',
  '99999999999999999999:ab1',
];

export function idVectors(): Json {
  const random = [
    new Uint8Array(16),
    new Uint8Array(16).fill(255),
    Uint8Array.from({ length: 16 }, (_, i) => i),
    s.bytesOf('foobar'),
    s.bytesOf('f'),
    new Uint8Array(0),
  ];
  const jobs: readonly (readonly [string, number])[] = [
    [s.clientId, 1],
    [s.clientId, s.offsetMax],
    ['a'.repeat(16), 0],
    ['7'.repeat(64), 10],
    ['a:b', 1],
    ['1', 23],
  ];
  return {
    base32: random.map((bytes) => ({ bytes: toJson(bytes), text: base32(bytes) })),
    jobIds: jobs.map(([client, request]) => {
      const text = jobIdOf(client as ClientId, request as RequestId);
      return { client, request, jobId: text, readBack: toJson(parseJobId(text) ?? null) };
    }),
    notJobIds: notJobIds.filter((text) => parseJobId(text) === undefined),
  };
}

function outcome<T>(attempt: () => T): Json {
  try {
    return toJson(attempt());
  } catch (error) {
    if (!(error instanceof BinglideError)) throw error;
    return { error: error.code };
  }
}

const byteTexts = [
  '0',
  '1',
  '4096',
  '0x0',
  '0x1000',
  '0XFF',
  '8s',
  '1k',
  '1K',
  '64k',
  '64ki',
  '64KiB',
  '64kB',
  '1.5k',
  '1M',
  '2g',
  '1T',
  '512 s',
  '9007199254740991',
  '0x1fffffffffffff',
  '8191T',
  '',
  '-1',
  '+1',
  '1.5',
  '0.3k',
  '1x',
  'k',
  '0x',
  '0xg',
  '1e3',
  '9007199254740992',
  '0x20000000000000',
  '8193T',
  ' 1',
  '1_000',
  'NaN',
];

const rangeTexts = [
  '0:5',
  '0x1000:0x2000',
  '1G:+64k',
  ':4096',
  '4096:',
  ':',
  '-1M:',
  '-4k:+1k',
  '-4k:+1M',
  '-4k:+4k',
  '0:-1',
  ' 1 : 2 ',
  '1T:',
  '5:0',
  '0:0',
  '5',
  '',
  '1:2:3',
  'a:b',
  '1:+',
  '-0:',
  '0:-0',
  '--1:',
  '9007199254740991:+1',
  '9007199254740991:+0',
  '0:+5s',
];

const resolved: readonly (readonly [RangeSpec, number])[] = [
  [{ start: 0, end: null }, 0],
  [{ start: 0, end: null }, 100],
  [{ start: 100, end: null }, 100],
  [{ start: 0, end: 100 }, 100],
  [{ start: 5, end: 5 }, 100],
  [{ start: -10, end: null }, 100],
  [{ start: -100, end: null }, 100],
  [{ start: -10, end: -5 }, 100],
  [{ start: 0, end: -100 }, 100],
  [{ start: 2 ** 40, end: 2 ** 40 + 1 }, s.offsetMax],
  [{ start: -101, end: null }, 100],
  [{ start: 101, end: null }, 100],
  [{ start: 0, end: 101 }, 100],
  [{ start: 50, end: 49 }, 100],
  [{ start: 0, end: -101 }, 100],
  [{ start: -1, end: null }, 0],
];

export function rangeVectors(): Json {
  return {
    bytes: byteTexts.map((text) => ({ text, bytes: outcome(() => parseBytes(text)) })),
    ranges: rangeTexts.map((text) => ({ text, range: outcome(() => parseRange(text)) })),
    resolved: resolved.map(([range, size]) => ({
      range: toJson(range),
      size,
      bounds: outcome(() => resolveRange(range, size, 'a.bin')),
    })),
  };
}

const blocks: readonly (readonly [string, readonly (readonly [number, number])[]])[] = [
  ['one byte', [[0, 1]]],
  ['4096 equal bytes', [[255, 4096]]],
  [
    'two values, half each',
    [
      [0, 2048],
      [1, 2048],
    ],
  ],
  ['every value 16 times', Array.from({ length: 256 }, (_, value) => [value, 16] as const)],
  [
    'three bytes, all different',
    [
      [1, 1],
      [2, 1],
      [3, 1],
    ],
  ],
  [
    'nearly constant',
    [
      [0, 4095],
      [1, 1],
    ],
  ],
  [
    'a short last block',
    [
      [0, 1000],
      [10, 500],
      [200, 7],
    ],
  ],
  [
    '65536 bytes, one value off',
    [
      [0, 65_535],
      [1, 1],
    ],
  ],
  ['65536 bytes, every value 256 times', Array.from({ length: 256 }, (_, value) => [value, 256] as const)],
  [
    'counts where floating point rounds T wrong',
    [
      [0, 3043],
      [1, 1053],
    ],
  ],
];

/** Entries that float64 arithmetic was seen to get wrong, for whoever computes the table anew. */
const hardEntries = [
  3043, 4125, 15359, 22313, 26952, 28401, 30177, 32319, 35817, 38034, 38670, 38949, 39651, 40770, 41445, 42006, 43087,
  43254, 43856, 45189, 47417, 47716, 50497, 50963, 50974, 51294, 52256, 52625, 52702, 52933, 55264, 55826, 56629, 56865,
  57676, 59978, 61990, 62138, 62473, 63075, 65349, 65465,
];

export function entropyVectors(): Json {
  const table = entropyTable(65_536);
  const bytes = Buffer.alloc(65_537 * 8);
  for (let c = 0; c < table.length; c++) bytes.writeBigUInt64LE(BigInt(table[c]!), 8 * c);
  const powers = Array.from({ length: 17 }, (_, k) => 2 ** k);
  return {
    unit: 'T[c] = round(c * log2(c) * 2^24), T[0] = 0; Q = floor((T[n] - sum T[c]) / n)',
    table: Array.from(table.subarray(0, 65)),
    powers: powers.map((c) => [c, table[c]!]),
    hard: hardEntries.map((c) => [c, table[c]!]),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    sha256Of: 'T[0] to T[65536] as little-endian 64-bit integers, 524296 bytes',
    blocks: blocks.map(([name, pairs]) => {
      const counts = new Array<number>(256).fill(0);
      for (const [value, count] of pairs) counts[value] = count;
      return { name, counts: pairs.map((pair) => [...pair]), q: blockQ(counts) };
    }),
  };
}
