/**
 * What a cached chunk is called: `<SERVICE>[-<param>…]_<id>[_<id>].<start>_<end>`. The name says everything that its
 * content depends on; parameters stand in descriptor order with defaults written out.
 */
import type { Descriptor, Params, ParamValue } from '../protocol/index.js';
import { blake3Hex } from './hash.js';

export interface ChunkName {
  readonly service: string;
  readonly params: readonly string[];
  /** Content hash in hex, or the provisional `~…`, one an input. */
  readonly ids: readonly string[];
  readonly start: number;
  /** Nominal: may lie past the end of the data. */
  readonly end: number;
}

const plainParam = /^[A-Za-z0-9.]{1,32}$/;
const grammar = /^([A-Z][A-Z0-9]*)((?:-[A-Za-z0-9.]{1,32})*)_(~?[0-9a-f]+)(?:_(~?[0-9a-f]+))?\.(\d+)_(\d+)$/;

/** A parameter as it stands in a name: itself where it is plain, else 16 hex digits of its BLAKE3. */
export function paramText(value: ParamValue): string {
  const text = String(value);
  return plainParam.test(text) ? text : blake3Hex(Buffer.from(text)).slice(0, 16);
}

export function paramTexts(descriptor: Descriptor, params: Params): string[] {
  return descriptor.params.map((spec) => paramText(params[spec.name] ?? spec.default));
}

export function chunkName({ service, params, ids, start, end }: ChunkName): string {
  return `${[service, ...params].join('-')}_${ids.join('_')}.${start}_${end}`;
}

/** Undefined where the text is no chunk's name. */
export function parseChunkName(text: string): ChunkName | undefined {
  const match = grammar.exec(text);
  if (!match) return undefined;
  const [, service, params, first, second, start, end] = match;
  const bounds = [Number(start), Number(end)] as const;
  if (!bounds.every(Number.isSafeInteger) || bounds[0] >= bounds[1]) return undefined;
  return {
    service: service!,
    params: params!.split('-').slice(1),
    ids: second === undefined ? [first!] : [first!, second],
    start: bounds[0],
    end: bounds[1],
  };
}
