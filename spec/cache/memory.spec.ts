import { expect } from 'chai';
import { PartMemory, partBytes } from '../../cache/memory.js';
import { idA, idB, kind, nameOf, partOf } from './fixture.js';

describe('cache/memory', () => {
  const key = (start: number, id = idA) => ({ id, digest: kind.digest, name: nameOf([idA], start) });

  it('gives back the very part, by folder, kind and name', () => {
    const memory = new PartMemory(1 << 20);
    const part = partOf();
    memory.set(key(0), part);
    expect(memory.get(key(0))).to.equal(part);
    expect(memory.get(key(0, idB))).to.equal(undefined);
    expect(memory.get(key(8192))).to.equal(undefined);
    memory.delete(key(0));
    expect(memory.get(key(0))).to.equal(undefined);
    expect(memory.bytes).to.equal(0);
  });

  it('keeps its budget in bytes and lets the least lately used go first', () => {
    const each = partBytes(partOf());
    const memory = new PartMemory(3 * each);
    for (const start of [0, 1, 2]) memory.set(key(start), partOf());
    memory.get(key(0));
    memory.set(key(3), partOf());
    expect([0, 1, 2, 3].filter((start) => memory.get(key(start)))).to.deep.equal([0, 2, 3]);
    expect(memory.bytes).to.equal(3 * each);
  });

  it('keeps nothing larger than itself, and with no budget nothing', () => {
    const small = new PartMemory(8);
    small.set(key(0), partOf());
    expect(small.get(key(0))).to.equal(undefined);
    const none = new PartMemory(0);
    none.set(key(0), partOf());
    expect([none.get(key(0)), none.bytes]).to.deep.equal([undefined, 0]);
  });
});
