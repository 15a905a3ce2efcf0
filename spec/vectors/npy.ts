/** npy.json: arrays of every dtype and form with their frames, frames that are taken too, and frames that are not. */
import { encodeNpy, type NamedArray } from '../../protocol/index.js';
import { hexOf, type Json, toJson } from './json.js';
import * as s from './samples.js';

const arrays: readonly (readonly [string, NamedArray])[] = [
  ['u1', s.array('u1', [4], [0, 1, 254, 255])],
  ['u2', s.array('u2', [3], [0, 256, 65_535])],
  ['u4', s.array('u4', [3], [0, 65_536, 2 ** 32 - 1])],
  ['u8', s.array('u8', [4], [0, 2 ** 32 - 1, 2 ** 32, s.offsetMax])],
  ['i4', s.array('i4', [4], [-(2 ** 31), -1, 0, 2 ** 31 - 1])],
  ['i8', s.array('i8', [6], [-s.offsetMax, -(2 ** 32), -1, 0, 2 ** 32, s.offsetMax])],
  ['f4', s.array('f4', [5], [0.5, -1.5, NaN, Infinity, -Infinity])],
  ['f8', s.array('f8', [5], [1 / 3, -2.5, NaN, Infinity, -Infinity])],
  ['no dimension', s.array('u8', [], [7])],
  ['no rows', s.array('u8', [0], [])],
  ['rows of no numbers', s.array('u4', [3, 0], [])],
  ['no rows of three', s.array('i8', [0, 3], [])],
  ['two dimensions, row by row', s.array('u2', [2, 3], [1, 2, 3, 4, 5, 6])],
  ['three dimensions', s.array('u1', [2, 1, 2], [1, 2, 3, 4])],
  ['one number', s.array('i4', [1], [-7])],
];

/** A frame with a header text of our choosing. */
function npyOf(text: string, body: readonly number[] = [], magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]) {
  const header = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.from([...magic, header.length & 255, header.length >> 8]), header, Buffer.from(body)]);
}

const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

/** Readers take these although we write them otherwise. */
const readArrays: readonly (readonly [string, Uint8Array, NamedArray])[] = [
  ['a header without padding', npyOf(header('|u1', '(2,)'), [1, 2]), s.array('u1', [2], [1, 2])],
  [
    'keys in another order',
    npyOf("{'shape': (1,), 'fortran_order': False, 'descr': '<u2'}\n", [1, 2]),
    s.array('u2', [1], [513]),
  ],
];

const badArrays: readonly (readonly [string, Uint8Array])[] = [
  ['an empty frame', new Uint8Array(0)],
  ['nine bytes', npyOf('').subarray(0, 9)],
  ['another magic', npyOf(header('|u1', '(0,)'), [], [0x92, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0])],
  ['version 2.0', npyOf(header('|u1', '(0,)'), [], [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0])],
  ['a header longer than the frame', Buffer.concat([npyOf('').subarray(0, 8), Buffer.from([255, 255])])],
  ['Fortran order', npyOf(header('|u1', '(1, 1)', 'True'), [1])],
  ['big-endian', npyOf(header('>u2', '(1,)'), [0, 1])],
  ['one byte too few', npyOf(header('<u4', '(1,)'), [0, 0, 0])],
  ['one byte too many', npyOf(header('<u4', '(1,)'), [0, 0, 0, 0, 0])],
  ['a size past 2^53', npyOf(header('|u1', '(9007199254740993, 0)'))],
  ['a size of no number', npyOf(header('|u1', '(1 1,)'), [1])],
  ['a negative size', npyOf(header('|u1', '(-1,)'))],
  ['2^40 rows in no bytes', npyOf(header('|u1', '(1099511627776,)'))],
  ['33 dimensions', npyOf(header('|u1', `(${'1, '.repeat(33)})`), [1])],
  ['complex numbers', npyOf(header('<c8', '(1,)'), [0, 0, 0, 0, 0, 0, 0, 0])],
  ['objects', npyOf(header('|O', '(1,)'), [1])],
  ['a structure', npyOf("{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (1,), }\n", [0, 0])],
  ['u8 past 2^53−1', npyOf(header('<u8', '(1,)'), [0, 0, 0, 0, 0, 0, 32, 0])],
  ['i8 below −(2^53−1)', npyOf(header('<i8', '(1,)'), [0, 0, 0, 0, 0, 0, 224, 255])],
];

export function npyVectors(): Json {
  return {
    arrays: arrays.map(([name, array]) => ({ name, array: toJson(array), frame: hexOf(encodeNpy(array)) })),
    read: readArrays.map(([name, frame, array]) => ({ name, array: toJson(array), frame: hexOf(frame) })),
    refused: badArrays.map(([name, frame]) => ({ name, frame: hexOf(frame) })),
  };
}
