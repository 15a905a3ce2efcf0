/** Section 8 of BXMDPv2 as a reader: what a descriptor breaks, with the rule's id. */
import type { Fault } from './grammar.js';
import { isMap, type MapValue } from './msgpack.js';

type Broken = Omit<Fault, 'dialect'>;

/** Keys of each map: `!` is required. `finish` says that the service finishes its outputs itself. */
const keys = {
  descriptor: 'name! version! inputs! help! params! overlap! block shift cached! rangeBytesMax finish fields! report!',
  param: 'name! type! default! min max oneOf help!',
  field: 'name! dtype! shape merge! cells! perByteMax form gap limit',
  output: 'name! of! with finish! scope!',
} as const;

const nameForm = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const dtypes = ['u1', 'u2', 'u4', 'u8', 'i4', 'i8', 'f4', 'f8'];
const merges = ['sum', 'min', 'max', 'or', 'once', 'run', 'concat'];
const ofConcat = ['intervals', 'intervalCount', 'intervalsTruncated'];

export function descriptorFaults(descriptor: MapValue): Broken[] {
  const [params, fields, report] = ['params', 'fields', 'report'].map((key) => mapsOf(descriptor[key]));
  return [
    ...keyFaults('the descriptor', descriptor, keys.descriptor),
    ...params!.flatMap((param) => keyFaults(`parameter ${param.name}`, param, keys.param)),
    ...fields!.flatMap((field) => keyFaults(`field ${field.name}`, field, keys.field)),
    ...report!.flatMap((output) => keyFaults(`output ${output.name}`, output, keys.output)),
    ...nameFaults(descriptor, [...params!, ...fields!, ...report!]),
    ...fields!.flatMap(fieldFaults),
    ...report!.flatMap((output) => outputFaults(output, fields!)),
    ...['overlap', 'block'].flatMap((key) => minFaults(descriptor[key], params!)),
    ...fields!.flatMap(({ gap }) => minFaults(gap, params!)),
  ];
}

const mapsOf = (value: unknown): MapValue[] => (Array.isArray(value) ? value.filter(isMap) : []);

function keyFaults(what: string, map: MapValue, table: string): Broken[] {
  const known = table.split(' ').map((key) => key.replace('!', ''));
  const required = table.split(' ').filter((key) => key.endsWith('!'));
  return [
    ...Object.keys(map)
      .filter((key) => !known.includes(key))
      .map((key) => ({ rule: 'D-1', what: `${what} has the key ${key}` })),
    ...Object.entries(map)
      .filter(([, value]) => value === null)
      .map(([key]) => ({ rule: 'D-1', what: `${key} of ${what} is nil` })),
    ...required
      .filter((key) => map[key.replace('!', '')] === undefined)
      .map((key) => ({ rule: 'D-1', what: `${what} has no ${key.replace('!', '')}` })),
  ];
}

function nameFaults({ name }: MapValue, named: readonly MapValue[]): Broken[] {
  const faults = /^[A-Z][A-Z0-9]{0,31}$/.test(String(name)) ? [] : [{ rule: 'D-2', what: `its name is ${name}` }];
  const wrong = named.filter((each) => !nameForm.test(String(each.name)));
  return [...faults, ...wrong.map((each) => ({ rule: 'D-2', what: `${each.name} is no name` }))];
}

function fieldFaults({ name, dtype, merge, shape, cells, form, gap }: MapValue): Broken[] {
  const kind = String(dtype);
  const told = (rule: string, what: string): Broken => ({ rule, what: `field ${name}: ${what}` });
  if (!dtypes.includes(kind)) return [told('D-2', `dtype ${kind}`)];
  if (!merges.includes(String(merge))) return [told('D-2', `merge ${merge}`)];
  const isFloat = kind.startsWith('f');
  if ((merge === 'sum' || merge === 'or') && isFloat) return [told('D-3', `${merge} of ${kind}`)];
  if (merge === 'or' && !kind.startsWith('u')) return [told('D-3', `or of ${kind}`)];
  if (merge === 'run' && (shape !== undefined || !/^[iu]8$/.test(kind)))
    return [told('D-3', 'run has a shape or dtype')];
  if (merge === 'once' && (cells !== true || form !== 'whole'))
    return [told('D-3', 'once without cells and form whole')];
  const row = Array.isArray(shape) && shape.length === 1 ? shape[0] : 0;
  const least = gap === undefined ? 1 : 2;
  const isRow = typeof row === 'string' || row >= least;
  return merge === 'concat' && !isRow ? [told('D-3', `concat of rows of ${row}`)] : [];
}

function outputFaults({ name, of, finish, scope, with: others }: MapValue, fields: readonly MapValue[]): Broken[] {
  const told = (rule: string, what: string): Broken => ({ rule, what: `output ${name}: ${what}` });
  const field = fields.find((each) => each.name === of);
  if (!field) return [told('D-2', `of ${of}, which is no field`)];
  if (['n', 'start', 'state', 'onlyA', 'onlyB'].includes(String(name))) return [told('D-2', 'a name that is taken')];
  const isOfConcat = ofConcat.includes(String(finish));
  const wanted = finish === 'longest' ? 'run' : isOfConcat ? 'concat' : undefined;
  const fits = wanted ? field.merge === wanted : field.merge !== 'run' && field.merge !== 'concat';
  if (!fits) return [told('D-5', `${finish} of ${field.merge}`)];
  const count = Array.isArray(others) ? others.length : 0;
  if (count !== (finish === 'serialCorrelation' ? 2 : 0)) return [told('D-5', `${finish} with ${count} fields`)];
  if (scope !== 'whole' && field.cells !== true) return [told('D-6', `scope ${scope} of a field without cells`)];
  return scope !== 'whole' && field.merge === 'concat' ? [told('D-6', `scope ${scope} of concat`)] : [];
}

function minFaults(named: unknown, params: readonly MapValue[]): Broken[] {
  const param = params.find(({ name }) => name === named);
  if (!param || (typeof param.min === 'number' && param.min >= 0) || param.oneOf !== undefined) return [];
  return [{ rule: 'D-4.2', what: `parameter ${named} has no min 0` }];
}
