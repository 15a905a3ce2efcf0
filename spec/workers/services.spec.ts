import { expect } from 'chai';
import { gather, type Part } from '../../protocol/algebra.js';
import { checkParams, type Form, fieldsOf, type Params } from '../../protocol/descriptor.js';
import type { AnyWorker } from '../../workers/service.js';
import { bytes } from '../../workers/services/bytes.js';
import { classes } from '../../workers/services/class.js';
import { diff } from '../../workers/services/diff.js';
import { digram } from '../../workers/services/digram.js';
import { ent } from '../../workers/services/ent.js';
import { hist } from '../../workers/services/hist.js';
import { builtinServices } from '../../workers/services/index.js';
import { stats } from '../../workers/services/stats.js';
import { Random } from '../random.js';
import { type Asked, compute, hostOf, plain, Sandbox } from './fixture.js';
import { classOracle, diffOracle, digramOracle, entOracle, histOracle, type Piece, statsOracle } from './oracles.js';

/** Random, constant, text and half-constant stretches, so that all branches are taken. */
function mixed(random: Random, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const end = Math.min(length, at + random.int(1, 9000));
    const kind = random.int(0, 3);
    const value = random.int(0, 255);
    for (; at < end; at++) {
      out[at] = kind === 0 ? random.bits() : kind === 1 ? value : kind === 2 ? 97 + random.int(0, 25) : at & value;
    }
  }
  return out;
}

/** The same with stretches, single bytes and a tail that differ. */
function altered(random: Random, from: Uint8Array): Uint8Array {
  const out = Uint8Array.from(from);
  for (let i = 0; i < from.length / 3000; i++) {
    const at = random.int(0, Math.max(0, from.length - 1));
    const end = Math.min(from.length, at + (random.chance(0.5) ? 1 : random.int(1, 2000)));
    for (let p = at; p < end; p++) if (random.chance(0.9)) out[p] = random.bits();
  }
  return out;
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
}

describe('built-in services', () => {
  const sandbox = new Sandbox();
  const host = hostOf(sandbox.folder);
  after(() => sandbox.remove());

  const sizes = [0, 1, 2, 4095, 4096, 4097, 65_537, 300_001];
  for (const size of sizes) {
    describe(`on ${size} bytes`, () => {
      const random = new Random(size + 1);
      const a = mixed(random, size);
      const b = altered(random, a);
      const [pathA, pathB] = [sandbox.write(`a${size}`, a), sandbox.write(`b${size}`, b)];
      const pieces: Piece[] = [
        { start: 0, end: size, cellBytes: 0 },
        { start: 0, end: size, cellBytes: 4096 },
        { start: 0, end: size, cellBytes: 65_536 },
        ...[4096, 5000, 12_288, 100_003].map((cellBytes) => {
          const start = random.int(0, size);
          return { start, end: random.int(start, size), cellBytes };
        }),
      ];
      const asked = ({ start, end, cellBytes }: Piece, more: Partial<Asked> = {}): Asked => ({
        paths: [pathA],
        runs: [[start, end]],
        cellBytes,
        ...more,
      });

      it('HIST counts', async () => {
        for (const piece of pieces) {
          const part = await compute(hist, asked(piece), host);
          expect(plain(part)).to.deep.equal({ ...piece, columns: histOracle(a, piece) });
        }
      });

      it('ENT has the counts of cells and the extremes of whole blocks in them', async () => {
        for (const piece of pieces) {
          const part = await compute(ent, asked(piece), host);
          expect(plain(part)).to.deep.equal({ ...piece, columns: entOracle(a, piece, 'summed') });
        }
      });

      it('ENT under a small block has one number a cell', async () => {
        const blocks = [4096, 65_536, 1000, 3 * 4096, size > 5000 ? 37 : 1];
        for (const piece of pieces.slice(0, 5).map((piece, i) => ({ ...piece, cellBytes: blocks[i]! }))) {
          const part = await compute(ent, asked(piece, { form: 'whole', params: { block: piece.cellBytes } }), host);
          expect(plain(part)).to.deep.equal({ ...piece, columns: entOracle(a, piece, 'whole') });
        }
      });

      it('DIFF finds what changed', async () => {
        for (const [i, piece] of pieces.entries()) {
          const gap = [64, 0, 1, 5000][i % 4]!;
          const part = await compute(diff, asked(piece, { paths: [pathA, pathB], params: { gap } }), host);
          expect(plain(part)).to.deep.equal({ ...piece, columns: diffOracle(a, b, piece, { gap, shift: 0 }) });
        }
      });

      it('DIFF reads the second file further along', async () => {
        for (const shift of [1, -1, 4097, -3]) {
          const start = Math.max(0, -shift);
          const end = Math.min(size, size - shift);
          if (end < start) continue;
          const piece = { start, end, cellBytes: 8192 };
          const part = await compute(diff, asked(piece, { paths: [pathA, pathB], params: { shift } }), host);
          expect(plain(part)).to.deep.equal({ ...piece, columns: diffOracle(a, b, piece, { gap: 64, shift }) });
        }
      });

      it('CLASS counts six classes a cell', async () => {
        for (const piece of pieces) {
          const part = await compute(classes, asked(piece), host);
          expect(plain(part)).to.deep.equal({ ...piece, columns: classOracle(a, piece) });
        }
      });

      it('DIGRAM counts pairs by their first byte', async () => {
        for (const piece of pieces) {
          const part = await compute(digram, asked(piece), host);
          expect(sameNumbers(part.columns.counts!, digramOracle(a, piece))).to.equal(true);
        }
      });

      it('STATS keeps the whole numbers that its outputs come from', async () => {
        for (const piece of pieces) {
          const part = await compute(stats, asked(piece), host);
          expect(plain(part)).to.deep.equal({ ...piece, columns: statsOracle(a, piece) });
        }
      });

      it('BYTES are the bytes', async () => {
        for (const piece of pieces) {
          const { start, end } = piece;
          const part = await compute(bytes, asked(piece), host);
          const index = end > start ? [end - start, start, end] : [0, 0, 0];
          expect(plain(part)).to.deep.equal({
            ...piece,
            columns: { bytes: Array.from(a.subarray(start, end)), 'bytes.index': index },
          });
        }
      });
    });
  }

  it('lists the first 10,000 places of change and counts the others', async () => {
    const a = new Uint8Array(120_000);
    const b = a.map((_, i) => (i % 5 === 0 ? 1 : 0));
    const paths = [sandbox.write('zeros', a), sandbox.write('fifths', b)];
    const piece = { start: 0, end: a.length, cellBytes: 0 };
    const part = await compute(diff, { paths, runs: [[0, a.length]], params: { gap: 3 } }, host);
    expect(part.columns.runs!.length).to.equal(30_000);
    expect(plain(part)).to.deep.equal({ ...piece, columns: diffOracle(a, b, piece, { gap: 3, shift: 0 }) });
  });

  describe('any split equals the whole', () => {
    const random = new Random(7);
    const size = 700_001;
    const a = mixed(random, size);
    const paths = [sandbox.write('left', a), sandbox.write('right', altered(random, a))];

    const cases: [AnyWorker, Form, Params, number[]][] = [
      [hist, 'summed', {}, [0, 4096]],
      [ent, 'summed', {}, [4096, 65_536, 100_000]],
      [ent, 'whole', { block: 5000 }, [5000]],
      [diff, 'summed', { gap: 64, shift: 0 }, [4096, 65_536, 100_000]],
      [diff, 'summed', { gap: 0, shift: 3 }, [0, 65_536]],
      [bytes, 'summed', {}, [0]],
      [classes, 'summed', {}, [4096, 65_536, 100_000]],
    ];
    for (const [service, form, params, widths] of cases) {
      it(`${service.descriptor.name} ${form} ${JSON.stringify(params)}`, async () => {
        const fields = fieldsOf(service.descriptor, form);
        const complete = checkParams(service.descriptor, params);
        const inputs = paths.slice(0, service.descriptor.inputs);
        const ask = (start: number, end: number, cellBytes: number) =>
          compute(service, { paths: inputs, runs: [[start, end]], cellBytes, form, params }, host);
        for (const cellBytes of widths) {
          const start = random.int(0, 50_000);
          const end = random.int(600_000, size - 3);
          const whole = await ask(start, end, cellBytes);
          // ENT's extremes do not know of blocks that a cut goes through: cuts are where the broker makes them.
          const unit = form === 'whole' ? cellBytes : 4096;
          const cuts = Array.from({ length: random.int(1, 6) }, () => Math.ceil(random.int(start, end) / unit) * unit);
          const edges = [start, ...cuts.filter((cut) => cut > start && cut < end).sort((x, y) => x - y), end];
          const parts: Part[] = [];
          for (let i = 1; i < edges.length; i++) parts.push(await ask(edges[i - 1]!, edges[i]!, cellBytes));
          const gathered = gather(fields, complete, parts, { start, end, cellBytes });
          expect(plain(gathered)).to.deep.equal(plain(whole));
        }
      });
    }
  });

  it('1000 random splits, at any byte, give the same HIST, DIGRAM and STATS', async function () {
    this.timeout(180_000);
    const random = new Random(8);
    const size = 60_000;
    const file = mixed(random, size);
    const path = sandbox.write('splits', file);
    for (const service of [hist, digram, stats] as AnyWorker[]) {
      const { descriptor } = service;
      const ask = (start: number, end: number) => compute(service, { paths: [path], runs: [[start, end]] }, host);
      for (let range = 0; range < 20; range++) {
        const start = random.pick([0, random.int(0, size)]);
        const end = random.pick([size, random.int(start, size)]);
        const whole = await ask(start, end);
        for (let split = 0; split < 50; split++) {
          const cuts = Array.from({ length: random.int(1, 3) }, () => random.int(start, end)).sort((x, y) => x - y);
          const edges = [start, ...cuts, end];
          const parts: Part[] = [];
          for (let i = 1; i < edges.length; i++) parts.push(await ask(edges[i - 1]!, edges[i]!));
          const { columns } = gather(descriptor.fields, {}, parts, { start, end, cellBytes: 0 });
          for (const { name } of descriptor.fields) {
            const same = sameNumbers(columns[name]!, whole.columns[name]!);
            expect(same, `${descriptor.name} ${name} of ${edges}`).to.equal(true);
          }
        }
      }
    }
  });

  it('are told apart by name, and describe themselves completely', () => {
    const names = ['HIST', 'ENT', 'DIFF', 'BYTES', 'CLASS', 'DIGRAM', 'STATS'];
    expect(builtinServices.map(({ descriptor }) => descriptor.name)).to.deep.equal(names);
    for (const { descriptor } of builtinServices) expect(descriptor.help).to.not.equal('');
  });
});
