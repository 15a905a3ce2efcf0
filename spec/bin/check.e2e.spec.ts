/** `binglide check` on programs that are well, and on programs that have one fault each. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { author, bad, good, local, type Program, pairsOf, slow } from './check-programs.js';
import { needPython } from './python.js';
import { type Ended, gone, json, mix, Place, slotsOf } from './spawned.js';

const checks =
  'describe, ready, whole, repeat, splits, tails, empty input, parameters, blocks, samples, pairs, finish, changed file, ' +
  'missing file, outside roots, cancel, stays alive, speed';

interface Told {
  readonly ended: Ended;
  readonly report: {
    readonly ok: boolean;
    readonly seed: number;
    readonly checks: readonly { readonly name: string; readonly outcome: string; readonly seen: string }[];
  };
}

/** Two processors, two checks at a time. */
const atOnce = 2;

describe('binglide check', function () {
  this.timeout(240_000);
  let place: Place;
  const runs = new Map<Program, Promise<Told>>();
  const waiting: (() => Promise<unknown>)[] = [];

  before(async () => {
    place = await Place.make();
    for (const folder of ['in', 'tmp', 'tmp1', 'tmp2']) await mkdir(place.path(folder));
    await writeFile(place.path('in', 'small.bin'), mix(300_001, 5));
    for (const program of [...good, ...bad, slow]) {
      runs.set(
        program,
        new Promise((resolve, reject) => {
          waiting.push(() => checked(program).then(resolve, reject));
        }),
      );
    }
    // Whoever waits for one sees its error.
    for (const run of runs.values()) run.catch(() => undefined);
    for (let i = 0; i < atOnce; i++) void work();
  });
  after(() => {
    waiting.length = 0;
    return place.remove();
  });

  async function work(): Promise<void> {
    for (let next = waiting.shift(); next; next = waiting.shift()) await next();
  }

  async function checked({ title, text, file, needs, args = ['in/small.bin'] }: Program): Promise<Told> {
    const ending = needs === 'python' ? 'py' : 'mjs';
    const name =
      file === undefined ? `./${title.replaceAll(/\W+/g, '-')}.${ending}` : resolve(fileURLToPath(local('.')), file);
    if (text !== undefined) await writeFile(place.path(name), text);
    // What a check that is killed leaves there goes with the place.
    const env = { TMPDIR: place.path('tmp') };
    const ended = await place.start(['check', name, ...args, '--seed', '7', '--json'], { env }).ended;
    const [report] = json(ended);
    if (!report) throw new Error(`no report: ${ended.stderr}`);
    return { ended, report };
  }

  const named = ({ checks: all }: Told['report'], ...outcomes: string[]) =>
    all.filter(({ outcome }) => outcomes.includes(outcome)).map(({ name }) => name);
  for (const program of good) {
    it(`finds nothing in ${program.title}`, async function () {
      if (program.needs) needPython(this);
      const { ended, report } = await runs.get(program)!;
      expect(report.checks.map(({ name }) => name).join(', ')).to.equal(checks);
      const wrong = report.checks.filter(({ outcome }) => /failed|left/.test(outcome));
      expect(wrong, ended.stderr).to.deep.equal([]);
      expect(named(report, 'does not apply')).to.deep.equal(program.inapplicable);
      expect([report.ok, ended.code]).to.deep.equal([true, 0]);
    });
  }

  it('tells of a slow one, and finds nothing', async () => {
    const { ended, report } = await runs.get(slow)!;
    expect(named(report, 'failed', 'left out'), ended.stderr).to.deep.equal([]);
    const speed = report.checks.find(({ name }) => name === 'speed')!;
    expect(speed.seen).to.match(/^slow: .* ms a task of 8\.0 MiB, 0\.0 ms bare: .* times; at most 2 times/);
    expect(ended.code).to.equal(0);
  });

  for (const program of bad) {
    it(`finds the one that ${program.title}`, async function () {
      if (program.needs) needPython(this);
      const { ended, report } = await runs.get(program)!;
      const { fails, says } = program;
      const failed = named(report, 'failed');
      const seen = report.checks.map(({ name, outcome, seen: text }) => `${name} ${outcome}: ${text}`).join('\n');
      expect(failed, seen).to.deep.equal(fails);
      expect(report.checks.find(({ name }) => name === fails[0])!.seen).to.match(says);
      expect([report.ok, ended.code]).to.deep.equal([false, 1]);
    });
  }

  it('tells a line a check off a terminal, and what the program prints behind its name', async () => {
    const noisy = author(`rowBytes: 65_536, fields: { pairs: field.u8({ merge: "sum", cells: true }) },
      compute(input, out) {
        console.log('at', input.start);
        for (let row = 0; row < input.rows; row++) out.pairs[row] = input.offset(row);
      }`);
    await writeFile(place.path('noisy.mjs'), noisy);
    const env = { TMPDIR: place.path('tmp1') };
    const { lines, stderr, code } = await place.start(['check', './noisy.mjs', 'in/small.bin'], { env }).ended;
    expect(await readdir(place.path('tmp1'))).to.deep.equal([]);
    const rows = lines.map((line) => line.split('\t'));
    expect(rows[0]).to.deep.equal(['check', 'outcome', 'seen']);
    expect(
      rows
        .slice(1)
        .map(([name]) => name)
        .join(', '),
    ).to.equal(checks);
    expect(rows.every((row) => row.length === 3)).to.equal(true);
    const [, outcome, seen] = rows.find(([name]) => name === 'splits')!;
    expect(outcome).to.equal('failed');
    expect(seen).to.match(/field pairs, cell \S+: wanted \d+, got \d+; .*; hint: /);
    expect(rows.find(([name]) => name === 'tails')!.slice(1)).to.deep.equal(['left out', 'it builds on `splits`']);
    expect(stderr)
      .to.match(/^\[MINE\] at \d+$/m)
      .and.to.match(/\d+ ok, \d+ failed, .*; seed \d+\n$/);
    expect(code).to.equal(1);
  });

  it('leaves nothing behind when it is ended, while the worker spins', async () => {
    const spins = author(`fields: { ${pairsOf} }, compute() { console.log('spinning'); for (;;); }`);
    await writeFile(place.path('spins.mjs'), spins);
    const env = { TMPDIR: place.path('tmp2') };
    const { child, linesOut, ended } = place.start(['check', './spins.mjs', 'in/small.bin'], { env });
    expect((await linesOut(3)).map((line) => line.split('\t')[0])).to.deep.equal(['check', 'describe', 'ready']);
    const { pid } = child;
    expect((await slotsOf(pid!)).length).to.equal(1);
    child.kill('SIGTERM');
    const { code, lines } = await ended;
    expect([code, lines.length]).to.deep.equal([143, 3]);
    expect(await gone(pid!)).to.equal(true);
    expect(await readdir(place.path('tmp2'))).to.deep.equal([]);
  });

  it('takes a wrong use for one', async () => {
    await writeFile(place.path('plain.txt'), 'nothing to start');
    const period = local('./services/period.js').pathname;
    const wrong: readonly [readonly string[], RegExp][] = [
      [['./gone.py'], /gone\.py: no such file; .*\(E_USAGE\)/],
      [['./plain.txt'], /plain\.txt cannot be started.*\(E_USAGE\)/],
      [[period, 'gone.bin'], /gone\.bin: no such file.*\(E_USAGE\)/],
      [[period, 'in/small.bin', 'in/small.bin'], /PERIOD takes 1 file, not 2.*\(E_USAGE\)/],
      [[period, '--max-lag', '41'], /max_lag is 41; it takes a number from 1 to 40 \(E_PARAM\)/],
      [[period, '--params', 'max_lag=x'], /max_lag is x; it takes a whole number.* \(E_PARAM\)/],
      [[period, '--params', 'lag=3'], /PERIOD takes no parameter lag/],
      [[period, '--seed', 'x'], /--seed.*"x" is not a whole number/],
      [[], /missing required argument/],
    ];
    for (const [args, says] of wrong) {
      const { code, stderr } = await place.run('check', ...args);
      expect([code, stderr], args.join(' ')).to.satisfy(
        ([ended, text]: [number, string]) => ended === 2 && says.test(text),
      );
    }
  });
});
