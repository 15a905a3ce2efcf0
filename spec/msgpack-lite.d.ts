/** msgpack-lite has no types of its own. It reads our frames in specs, as somebody else's reader would. */
declare module 'msgpack-lite' {
  export function encode(value: unknown): Buffer;
  export function decode(bytes: Uint8Array): unknown;
  const msgpackLite: { readonly encode: typeof encode; readonly decode: typeof decode };
  export default msgpackLite;
}
