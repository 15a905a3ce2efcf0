/** Parameters of a service: their types, and the check that every request's parameters pass. */
import { isMap, type Plain, type PlainMap } from './codec.js';
import { type BinglideError, fail } from './errors.js';

export type ParamValue = number | string | boolean;
export type Params = { readonly [name: string]: ParamValue };

export interface ParamSpec {
  readonly name: string;
  readonly type: 'int' | 'float' | 'string' | 'bool';
  readonly default: ParamValue;
  readonly min?: number;
  readonly max?: number;
  readonly oneOf?: readonly ParamValue[];
  readonly help: string;
}

const textLengthMax = 1024;

/**
 * The parameters of a request, complete and in descriptor order; throws E_PARAM naming the parameter, what came and
 * what is taken.
 */
export function checkParams(
  descriptor: { readonly name: string; readonly params: readonly ParamSpec[] },
  given: PlainMap | Params,
): Params {
  const unknown = Object.keys(given).find((name) => !descriptor.params.some((spec) => spec.name === name));
  if (unknown !== undefined) {
    const known = descriptor.params.map((spec) => spec.name).join(', ') || 'none';
    throw fail('E_PARAM', `${descriptor.name} takes no parameter ${unknown.slice(0, 80)}; it takes ${known}`);
  }
  // A parameter may be called like a method of every object (toString): only the map's own entries count.
  const own = (name: string) => (Object.hasOwn(given, name) ? given[name] : undefined);
  return Object.fromEntries(
    descriptor.params.map((spec) => [spec.name, checkParam(descriptor.name, spec, own(spec.name))]),
  );
}

export function checkParam(service: string, spec: ParamSpec, given: Plain | undefined): ParamValue {
  const value = given ?? spec.default;
  const bad = (wanted: string): BinglideError =>
    fail('E_PARAM', `${service}: ${spec.name} is ${shown(value)}; it takes ${wanted}`);
  switch (spec.type) {
    case 'int':
      if (!Number.isSafeInteger(value)) throw bad('a whole number');
      break;
    case 'float':
      if (typeof value !== 'number' || !Number.isFinite(value)) throw bad('a number');
      break;
    case 'bool':
      if (typeof value !== 'boolean') throw bad('true or false');
      break;
    case 'string':
      if (typeof value !== 'string' || value.length > textLengthMax)
        throw bad(`a text of at most ${textLengthMax} characters`);
      break;
    default:
      spec.type satisfies never;
  }
  if (spec.oneOf && !spec.oneOf.includes(value as ParamValue)) throw bad(`one of ${spec.oneOf.join(', ')}`);
  if (typeof value === 'number' && (value < (spec.min ?? -Infinity) || value > (spec.max ?? Infinity))) {
    throw bad(`a number from ${spec.min ?? '−∞'} to ${spec.max ?? '∞'}`);
  }
  return value as ParamValue;
}

/** A value off the wire as a message names it: short, and never by a method of its own. */
function shown(value: Plain): string {
  if (Array.isArray(value)) return 'a list';
  if (isMap(value)) return 'a map';
  return value instanceof Uint8Array ? 'bytes' : String(value).slice(0, 80);
}
