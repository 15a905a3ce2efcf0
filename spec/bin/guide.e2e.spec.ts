/** The authors' guide and the README: each service in them is run as it stands there. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../root.js';
import { needPython } from './python.js';
import { json, mix, Place } from './spawned.js';

const linesMax = 40;

/** The code blocks of a language in a document that hold a whole service. */
function servicesIn(document: string, language: string): string[] {
  const text = readFileSync(join(packageRoot, document), 'utf8');
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return blocks.filter(([, of, code]) => of === language && /\bserve\b/.test(code!)).map(([, , code]) => code!);
}

const only = (blocks: readonly string[]): string => {
  expect(blocks).to.have.length(1);
  return blocks[0]!;
};

describe('the services in the documents', function () {
  // Interpreters start slowly where much else runs.
  this.timeout(60_000);
  const bytes = mix(200_001, 9);
  let place: Place;

  before(async () => {
    place = await Place.make();
    await writeFile(place.path('a.bin'), bytes);
  });
  after(() => place.remove());

  async function fieldsOf(file: string, code: string, ...args: string[]) {
    await writeFile(place.path(file), code);
    const ended = await place.run('run', `./${file}`, '--range', ':128k', '--cells', '2', '--json', 'a.bin', ...args);
    expect(ended.code, ended.stderr).to.equal(0);
    return json(ended)[0].fields;
  }

  it('are short', () => {
    const codes = ['ts', 'python', 'rust'].flatMap((language) => servicesIn('docs/services.md', language));
    expect(codes.length).to.be.at.least(2);
    for (const code of codes) expect(code.trimEnd().split('\n')).to.have.length.at.most(linesMax);
  });

  it('BITS, in TypeScript, counts set bits by position and finishes their share', async () => {
    const { ones, share, cells } = await fieldsOf('bits.ts', only(servicesIn('docs/services.md', 'ts')), '--word', '2');
    const lanes = (from: number, to: number) => {
      const counts = new Array<number>(16).fill(0);
      for (let p = from; p < to; p++)
        for (let bit = 0; bit < 8; bit++) counts[8 * (p % 2) + bit]! += (bytes[p]! >> bit) & 1;
      return counts;
    };
    expect(ones).to.deep.equal(lanes(0, 131_072));
    expect(share).to.deep.equal(ones.map((count: number) => count / 65_536));
    expect(cells.ones).to.deep.equal([...lanes(0, 65_536), ...lanes(65_536, 131_072)]);
  });

  it('ZEROS, in the README, counts zeros', async () => {
    const { zeros } = await fieldsOf('zeros.ts', only(servicesIn('README.md', 'ts')));
    expect(zeros).to.equal(bytes.subarray(0, 131_072).filter((byte) => byte === 0).length);
  });

  describe('in Rust', () => {
    // As `cargo test --release` builds it.
    const program = join(packageRoot, 'polyglot', 'rust', 'target', 'release', 'examples', 'bits');

    it('BITS is an example of the crate, word for word', () => {
      const example = readFileSync(join(packageRoot, 'polyglot', 'rust', 'examples', 'bits.rs'), 'utf8');
      expect(only(servicesIn('docs/services.md', 'rust'))).to.equal(example);
    });

    it('BITS counts what the one in TypeScript counts', async function () {
      if (!existsSync(program)) {
        if (process.env.CI) throw new Error(`${program} was not built`);
        this.skip();
      }
      const args = ['--range', ':128k', '--cells', '2', '--word', '2', '--json', 'a.bin'];
      const ended = await place.run('run', program, ...args);
      expect(ended.code, ended.stderr).to.equal(0);
      const { ones, share, cells } = json(ended)[0].fields;
      const expected = await fieldsOf('bits.ts', only(servicesIn('docs/services.md', 'ts')), '--word', '2');
      expect({ ones, share, cells }).to.deep.equal({
        ones: expected.ones,
        share: expected.share,
        cells: expected.cells,
      });
    });
  });

  describe('in Python', () => {
    before(function () {
      needPython(this);
    });

    it('PERIOD finds the record length that repeats best', async () => {
      const code = only(servicesIn('docs/services.md', 'python'));
      const { matches, period, score, cells } = await fieldsOf('period.py', code, '--max-lag', '4');
      const repeats = (from: number, to: number) =>
        [1, 2, 3, 4].map((lag) => {
          let count = 0;
          for (let p = from; p < to; p++) if (bytes[p] === bytes[p + lag]) count++;
          return count;
        });
      expect(matches).to.deep.equal(repeats(0, 131_072));
      const most = Math.max(...matches);
      expect([period, score]).to.deep.equal([matches.indexOf(most) + 1, most / 131_072]);
      expect(cells.matches).to.deep.equal([...repeats(0, 65_536), ...repeats(65_536, 131_072)]);
      expect(cells.period).to.have.length(2);
    });
  });
});
