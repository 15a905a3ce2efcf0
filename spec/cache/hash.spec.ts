import { expect } from 'chai';
import { blake3Hex, createBlake3, type Engine, hashEngine, openNative, openPortable } from '../../cache/hash.js';

/** The input of the official vectors: 0…250 over and over. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

/** From BLAKE3's test_vectors.json, as b3sum prints them. */
const vectors: readonly (readonly [length: number, hex: string])[] = [
  [0, 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  [1, '2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213'],
  [1024, '42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7'],
  [1025, 'd00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444'],
  [102400, 'bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085'],
];

function digestIn(engine: Engine, pieces: readonly Uint8Array[]): string {
  const hasher = engine.create();
  for (const piece of pieces) hasher.update(piece);
  const hex = hasher.hex();
  hasher.dispose();
  return hex;
}

describe('cache/hash', () => {
  const engines = [openPortable(), openNative()].filter((engine) => engine !== undefined);

  for (const engine of engines) {
    it(`gives the digests of the official vectors (${engine.name})`, () => {
      const found = vectors.map(([length]) => digestIn(engine, [pattern(length)]));
      expect(found).to.deep.equal(vectors.map(([, hex]) => hex));
    });

    it(`does not care how the bytes are cut (${engine.name})`, () => {
      const bytes = pattern(300_000);
      for (const cut of [0, 1, 1023, 1024, 4097, 299_999]) {
        expect(digestIn(engine, [bytes.subarray(0, cut), bytes.subarray(cut)])).to.equal(blake3Hex(bytes));
      }
    });

    it(`can be given up before its end (${engine.name})`, () => {
      const hasher = engine.create();
      hasher.update(pattern(5000));
      hasher.dispose();
      expect(digestIn(engine, [pattern(1)])).to.equal(vectors[1]![1]);
    });
  }

  it('gives the same digests with both engines at lengths around the tree’s edges', () => {
    for (const length of [2, 63, 64, 65, 1023, 2048, 2049, 4096, 65_537, 1_048_577]) {
      const digests = new Set(engines.map((engine) => digestIn(engine, [pattern(length)])));
      expect([...digests], `${length} bytes`).to.have.length(1);
    }
  });

  it('says which engine is in use and prefers the native one', () => {
    expect(hashEngine().name).to.equal(openNative() ? 'native' : 'portable');
    const hasher = createBlake3();
    expect(hasher.hex()).to.equal(vectors[0]![1]);
  });
});
