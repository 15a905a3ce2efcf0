/** BXMDPv2 for the broker: descriptors that must be refused, and the digest of those that are taken (section 8). */
import { createHash } from 'node:crypto';
import type { BrokerScene } from '../broker-world.js';
import { isMap, type MapValue } from '../msgpack.js';
import { breach, onTheWay } from '../rules.js';
import { descriptorOf } from '../services.js';
import { descriptorAnswered, mmi, v2Client, v2Worker } from '../v2-scene.js';
import { brokerRule } from './made.js';

const rule = brokerRule('v2');
const field = (more: MapValue) => ({ name: 'counts', dtype: 'u8', merge: 'sum', cells: false, ...more });
const output = (more: MapValue) => ({ name: 'counts', of: 'counts', finish: 'value', scope: 'whole', ...more });
const param = (more: MapValue) => ({ name: 'level', type: 'int', default: 3, help: 'x', ...more });
const withField = (more: MapValue, out: MapValue = {}) => ({ fields: [field(more)], report: [output(out)] });
const without = (entry: string) => ({ [entry]: undefined });

/** Each is one fault away from a descriptor that is taken. */
const broken: readonly [rule: string, what: string, entries: MapValue][] = [
  ['D-2', 'no version', without('version')],
  ['D-2', 'three inputs', { inputs: 3 }],
  ['D-2', 'no fields', { fields: [] }],
  ['D-2', 'a name in small letters', { name: 'small' }],
  ['D-2', 'a default of another type', { params: [param({ default: 'x' })] }],
  ['D-2', 'a default out of bounds', { params: [param({ min: 4 })] }],
  ['D-2', 'a parameter twice', { params: [param({}), param({})] }],
  ['D-2', 'an unknown dtype', withField({ dtype: 'u3' })],
  ['D-2', 'an unknown operator', withField({ merge: 'mean' })],
  ['D-2', 'an output of no field', withField({}, { of: 'none' })],
  ['D-2', 'an output called n', withField({}, { name: 'n' })],
  ['D-2', 'an unknown finisher', withField({}, { finish: 'magic' })],
  ['D-1', 'cached nil', { cached: null }],
  ['D-1', 'block nil', { block: null }],
  ['D-3', 'a sum of floats', withField({ dtype: 'f8' })],
  ['D-3', 'or of signed numbers', withField({ dtype: 'i8', merge: 'or' })],
  ['D-3', 'run with a shape', withField({ merge: 'run', shape: [2] }, { finish: 'longest' })],
  ['D-3', 'concat without a shape', withField({ merge: 'concat' }, { finish: 'intervals' })],
  ['D-3', 'a gap of single numbers', withField({ merge: 'concat', shape: [1], gap: 1 }, { finish: 'intervals' })],
  ['D-3', 'once without form whole', withField({ merge: 'once', cells: true })],
  ['D-4', 'a row of more than 2^24 numbers', withField({ shape: [16_777_217] })],
  ['D-4', 'a shape by a parameter without bounds', { params: [param({})], ...withField({ shape: ['level'] }) }],
  ['D-5', 'intervals of a sum', withField({}, { finish: 'intervals' })],
  ['D-5', 'longest of a sum', withField({}, { finish: 'longest' })],
  ['D-5', 'serialCorrelation without with', withField({ shape: [256] }, { finish: 'serialCorrelation' })],
  ['D-6', 'scope cell of a field without cells', withField({}, { scope: 'cell' })],
  [
    'D-6',
    'scope both of concat',
    withField({ merge: 'concat', shape: [2], cells: true }, { finish: 'intervals', scope: 'both' }),
  ],
  ['D-7', 'two outputs of one name that meet', { report: [output({}), output({})] }],
];

async function refuses(scene: BrokerScene, id: string): Promise<string> {
  const cases = broken.filter(([rule]) => rule === id);
  for (const [, what, entries] of cases) {
    const command = await descriptorAnswered(scene, entries);
    if (command !== 'DISCONNECT') breach(`${what}: ${command} in place of DISCONNECT`);
  }
  return `${cases.length} descriptors were refused`;
}

/** RFC 8785, for what descriptors are made of: `help` is left out. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isMap(value)) return JSON.stringify(value);
  const keys = Object.keys(value).filter((key) => key !== 'help' && value[key] !== undefined);
  return `{${keys
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join(',')}}`;
}

const base = ['P-11'];
const texts: readonly [string, string][] = [
  ['D-1', 'a descriptor whose keys are there and nil is refused'],
  ['D-2', 'a READY whose descriptor breaks the tables is refused'],
  ['D-3', 'operators go with dtypes and shapes as the rule says'],
  ['D-4', 'a row of all fields has at most 2^24 numbers, whatever the parameters'],
  ['D-5', 'finishers go with operators as the rule says'],
  ['D-6', 'scopes go with fields as the rule says'],
  ['D-7', 'two outputs of one name must not meet'],
];

export const v2BrokerDescriptors = [
  ...texts.map(([id, text]) => rule(id, 'MUST', '8', text, (scene) => refuses(scene, id), base)),
  rule(
    'D-9',
    'MUST',
    '8.3',
    'the digest is the first 16 hex digits of SHA-256 of the canonical JSON without help',
    async (scene) => {
      const params = [{ name: 'ratio', type: 'float', default: 1e-7, min: -1e21, max: 0.1, help: 'left out' }];
      const { service } = await onTheWay(v2Worker(scene, 'counts', { descriptor: { params, help: 'héllo' } }));
      const client = await onTheWay(v2Client(scene));
      const { services } = (await mmi(client, 'mmi.services', 1)) as {
        services: { descriptor: MapValue; digest: string }[];
      };
      const found = services.find(({ descriptor }) => descriptor.name === service);
      const descriptor = descriptorOf('counts', service, { params });
      const wanted = createHash('sha256').update(canonical(descriptor)).digest('hex').slice(0, 16);
      if (found?.digest !== wanted) breach(`${found?.digest} in place of ${wanted}`);
      return wanted;
    },
    base,
  ),
];
