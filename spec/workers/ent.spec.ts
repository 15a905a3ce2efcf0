/** STATS against the program `ent`, on whole files: every number that it prints, to the digits that it prints. */
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { finishWhole } from '../../protocol/index.js';
import { stats } from '../../workers/services/stats.js';
import { Random } from '../random.js';
import { compute, hostOf, Sandbox } from './fixture.js';

const hasEnt = spawnSync('ent', ['-u']).error === undefined;

/** What each file is and how it is made. */
function files(random: Random): { readonly [name: string]: Uint8Array } {
  const text = 'It was a bright cold day in April, and the clocks were striking thirteen.\n';
  return {
    random: random.bytes(300_001),
    text: Buffer.from(text.repeat(500)),
    ramp: Uint8Array.from({ length: 65_539 }, (_, i) => i),
    'random after zeros': Uint8Array.from({ length: 200_003 }, (_, i) => (i < 100_000 ? 0 : random.bits())),
    'two values': Uint8Array.from({ length: 12_345 }, () => (random.chance(0.3) ? 1 : 250)),
    'a little': random.bytes(13),
    'half random': Uint8Array.from({ length: 100_000 }, () => (random.chance(0.02) ? 65 : random.bits())),
    'more than a batch': random.bytes(2_500_007),
  };
}

async function outputsOf(path: string, size: number): Promise<{ [name: string]: number }> {
  const host = hostOf('/');
  const { columns } = await compute(stats, { paths: [path], runs: [[0, size]] }, host);
  const { fields, report } = stats.descriptor;
  return Object.fromEntries(
    report.map(({ name, of, with: more, finish }) => {
      const field = fields.find((it) => it.name === of)!;
      return [name, finishWhole(finish, field, columns, more) as number];
    }),
  );
}

describe('STATS and ent', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('ent is there where everything is to be tried', () => {
    if (process.env.CI === 'true') expect(hasEnt, 'install the package ent').to.equal(true);
  });

  if (!hasEnt) return;
  for (const [name, bytes] of Object.entries(files(new Random(21)))) {
    it(`say the same of ${name}`, async () => {
      const path = sandbox.write(name, bytes);
      const found = await outputsOf(path, bytes.length);
      const terse = spawnSync('ent', ['-t', path], { encoding: 'utf8' }).stdout.trim().split('\n')[1]!.split(',');
      const [, n, h, chiSquare, mean, monteCarloPi, serialCorrelation] = terse.map(Number);
      expect(n).to.equal(bytes.length);
      for (const [key, printed] of Object.entries({ h, chiSquare, mean, monteCarloPi, serialCorrelation })) {
        expect(found[key], key).to.be.closeTo(printed!, 1.1e-6);
      }
      const told = spawnSync('ent', [path], { encoding: 'utf8' }).stdout;
      const [, side, percent] = /exceed this value (less than|more than)?(?: than)? *([0-9.]+) percent/.exec(told)!;
      const p = 100 * found.chiSquareP!;
      if (side === 'less than') expect(p).to.be.below(Number(percent));
      else if (side === 'more than') expect(p).to.be.above(Number(percent));
      else expect(p).to.be.closeTo(Number(percent), 0.0051);
    });
  }
});
