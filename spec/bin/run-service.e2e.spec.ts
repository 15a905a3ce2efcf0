import { chmod, readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { gone, json, mix, Place, slotsOf } from './spawned.js';

const workersModule = new URL('../../workers/index.js', import.meta.url).href;

/** An author's file: only `binglide/worker` is imported, which the file's own folder does not have. */
const ones = `
import { defineService, field, param, serve } from 'binglide/worker';
interface Lanes { readonly word: number }
serve(defineService({
  name: 'ONES',
  help: 'set bits by position in a word',
  params: { word: param.int({ default: 1, oneOf: [1, 2], help: 'bytes in a word' }) },
  fields: { ones: field.u4({ shape: ({ word }: Lanes) => [8 * word], merge: 'sum', cells: true }) },
  compute(input, out, task): void {
    const { word } = task.params;
    for (let row = 0; row < input.rows; row++) {
      const bytes = input.row(row), first = input.offset(row);
      if (first === 0) console.log('begins\\tat', first);
      for (let i = 0; i < bytes.length; i++) {
        const lane = 8 * (row * word + ((first + i) % word));
        for (let bit = 0; bit < 8; bit++) out.ones[lane + bit]! += (bytes[i]! >> bit) & 1;
      }
    }
  },
}));
`;

/** The same sums, another way. */
function onesOf(bytes: Uint8Array, word: number): number[] {
  const sums = new Array<number>(8 * word).fill(0);
  bytes.forEach((byte, i) => {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) sums[8 * (i % word) + bit]!++;
  });
  return sums;
}

describe('binglide run FILE', () => {
  const bytes = mix(300_001, 5);
  let place: Place;

  before(async () => {
    place = await Place.make();
    await writeFile(place.path('a.bin'), bytes);
    await writeFile(place.path('ones.ts'), ones);
  });
  after(() => place.remove());

  it('starts the service for this request, takes its options, and shows what it prints', async () => {
    const run = place.start(['run', './ones.ts', 'a.bin', '--word', '2', '--json']);
    const ended = await run.ended;
    expect(ended.code, ended.stderr).to.equal(0);
    const [report] = json(ended);
    expect(report.fields).to.deep.include({ n: bytes.length, ones: onesOf(bytes, 2) });
    expect(ended.stderr.split('\n')).to.include('[ONES] begins    at 0');
    expect(await gone(run.child.pid!)).to.equal(true);
  });

  it('keeps parts under the hash of the file: the same text finds them, an edited one does not', async () => {
    const text = ones.replace("'ONES'", "'TWOS'");
    await writeFile(place.path('twos.ts'), text);
    const tasks = async () => json(await place.run('run', './twos.ts', 'a.bin', '--json'))[0].work.tasks as number;
    // The file is too young for parts to be kept at once; they are when the command ends or a later one runs.
    let again = await tasks();
    for (let tries = 0; again > 0 && tries < 20; tries++) again = await tasks();
    expect(again).to.equal(0);
    await writeFile(place.path('twos.ts'), `${text}import ${JSON.stringify('./helper.js')};\n`);
    await writeFile(place.path('helper.ts'), 'export const low = 32;\n');
    expect(await tasks()).to.be.greaterThan(0);
    const versions: unknown[] = [];
    for (const low of [32, 33, 32]) {
      await writeFile(place.path('helper.ts'), `export const low: number = ${low};\n`);
      const loader = ['--import', new URL('../../bin/ts-loader.js', import.meta.url).href, place.path('twos.ts')];
      versions.push(json(await place.node([...loader, '--describe']))[0].version);
    }
    // What it imports from beside it counts as well.
    expect(versions[0]).to.equal(versions[2]).and.not.to.equal(versions[1]);
  });

  it('prints the rows of cells a number a column', async () => {
    const { lines } = await place.run('run', './ones.ts', '--cells', '2', '--range', ':128k', 'a.bin');
    expect(lines[0]!.split('\t')).to.deep.equal(['start', 'end', 'n', ...onesOf(bytes, 1).map((_, i) => `ones[${i}]`)]);
    expect(lines.slice(1).map((line) => line.split('\t').map(Number))).to.deep.equal([
      [0, 65_536, 65_536, ...onesOf(bytes.subarray(0, 65_536), 1)],
      [65_536, 131_072, 65_536, ...onesOf(bytes.subarray(65_536, 131_072), 1)],
    ]);
  });

  it('shows what the service makes of its own counts, along the cells and over the range', async () => {
    const share =
      'finish: ({ ones, n }, { word }) => ({ share: Array.from(ones, (count, i) => count / n[Math.floor(i / 8 / word)]!) }),';
    await writeFile(place.path('share.ts'), ones.replace('compute(', `${share}\n  compute(`));
    const ended = await place.run('run', './share.ts', '--cells', '2', '--range', ':128k', '--json', 'a.bin');
    expect(ended.code, ended.stderr).to.equal(0);
    const { fields } = json(ended)[0];
    const shares = (from: number, to: number) =>
      onesOf(bytes.subarray(from, to), 1).map((count) => count / (to - from));
    expect(fields.share).to.deep.equal(shares(0, 131_072));
    expect(fields.cells.share).to.deep.equal([...shares(0, 65_536), ...shares(65_536, 131_072)]);
  });

  it('tells what the service takes', async () => {
    const { code, stdout } = await place.run('run', './ones.ts', '--help');
    expect(code).to.equal(0);
    expect(stdout.toString())
      .to.match(/^Usage: binglide run ONES .*\n\nset bits by position/)
      .and.include('--word <n>');
  });

  it('runs a program of any language that keeps to the arguments', async () => {
    // A service module of plain JavaScript, started by itself.
    const module = ones.replace("'binglide/worker'", JSON.stringify(workersModule)).replace(/interface.*\n/, '');
    const plain = module.replace(': Lanes', '').replace('): void', ')').replaceAll('!', '');
    await writeFile(place.path('ones.mjs'), plain);
    await writeFile(place.path('ones'), `#!/bin/sh\nexec ${process.execPath} ${place.path('ones.mjs')} "$@"\n`);
    await chmod(place.path('ones'), 0o755);
    const ended = await place.run('run', './ones', 'a.bin', '--json');
    expect(ended.code, ended.stderr).to.equal(0);
    expect(json(ended)[0].fields.ones).to.deep.equal(onesOf(bytes, 1));
  });

  const throwing = ones.replace('const { word } = task.params;', 'const { word } = task.params as any; word.no.such;');
  const looping = ones.replace("console.log('begins\\tat', first)", 'for (;;) task.check()');
  const faults: { [what: string]: readonly [string, string, number, RegExp] } = {
    'an exception, with its line': [
      'throws.ts',
      throwing,
      1,
      /ONES failed at 0x\w+: TypeError: .*, throws\.ts:10; .*\(E_SERVICE\)$/,
    ],
    'a file that does not start': [
      'starts.ts',
      `${ones}\nthrow new RangeError('no luck');\n`,
      1,
      /starts\.ts did not start .*RangeError: no luck, starts\.ts:\d+/,
    ],
    'a file that is no TypeScript': ['syntax.ts', 'const = 1;', 1, /syntax\.ts did not start .*\(1:7\)/],
    'a file that serves nothing': [
      'empty.ts',
      'export {};',
      1,
      /empty\.ts ended without serving anything; end it with serve/,
    ],
    'a file that cannot be started': [
      'list.txt',
      '',
      2,
      /list\.txt cannot be started; it takes .py, .ts, .js or a program/,
    ],
    'a Python module that is missing': [
      'needs.py',
      'import no_such_module',
      1,
      /needs\.py needs the Python module no_such_module; .* -m pip install no_such_module/,
    ],
    'wrong options': ['ones.ts', ones, 2, /ONES: word is 3; it takes one of 1, 2 \(E_PARAM\)/],
  };
  for (const [what, [name, text, code, line]] of Object.entries(faults)) {
    it(`tells of ${what}, and ends`, async () => {
      await writeFile(place.path(name), text);
      const run = place.start([
        'run',
        `./${name}`,
        'a.bin',
        '--no-cache',
        ...(what === 'wrong options' ? ['--word', '3'] : []),
      ]);
      const ended = await run.ended;
      expect(ended.stderr.trim().split('\n').at(-1)).to.match(line);
      expect(ended.code).to.equal(code);
      expect(await gone(run.child.pid!)).to.equal(true);
    });
  }

  it('named as a service tells that its file is here', async () => {
    const { code, stderr } = await place.run('run', 'ones', 'a.bin');
    expect(code).to.equal(1);
    expect(stderr).to.match(/no service ONES; .* are there, and `binglide run \.\/ones\.ts` takes the file/);
    expect((await place.run('check', './onse.ts')).stderr).to.match(
      /onse\.ts: no such file; ones\.ts is there \(E_USAGE\)/,
    );
  });

  it('takes an empty $BINGLIDE_PYTHON for none', async () => {
    await writeFile(place.path('needs.py'), 'import no_such_module');
    const { code, stderr } = await place.start(['run', './needs.py', 'a.bin'], { env: { BINGLIDE_PYTHON: '' } }).ended;
    expect([code, stderr]).to.satisfy(([ended, told]: [number, string]) => ended === 1 && /python3 -m pip/.test(told));
  });

  it('names the file that is not there', async () => {
    const ended = await place.run('run', './onse.ts', 'a.bin');
    expect([ended.code, ended.stderr]).to.deep.equal([
      1,
      'binglide: ./onse.ts: no such file; ones.ts is there (E_NOT_FOUND)\n',
    ]);
  });

  it('ends on Ctrl-C, whatever the service does', async () => {
    await writeFile(place.path('loops.ts'), looping);
    const run = place.start(['run', './loops.ts', 'a.bin', '--no-cache', '--ndjson']);
    while ((await slotsOf(run.child.pid!)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    run.child.kill('SIGINT');
    const ended = await run.ended;
    expect(ended.code ?? ended.signal).to.be.oneOf([1, 130, 'SIGINT']);
    expect(await gone(run.child.pid!)).to.equal(true);
  });

  it('starts a worker that was well and died again, and the answer is whole', async () => {
    const slow = ones.replace(
      "console.log('begins\\tat', first)",
      'for (const end = Date.now() + 3000; Date.now() < end; ) task.check()',
    );
    await writeFile(place.path('slow.ts'), slow);
    const run = place.start(['run', './slow.ts', 'a.bin', '--no-cache', '--cores', '1', '--json']);
    const known = async () => (await slotsOf(run.child.pid!))[0];
    let first = await known();
    while (first === undefined) first = await known();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    process.kill(first, 'SIGKILL');
    const ended = await run.ended;
    expect(ended.code, ended.stderr).to.equal(0);
    expect(json(ended)[0].fields.ones).to.deep.equal(onesOf(bytes, 1));
  });

  it('waits neither for what a file left open nor for who holds its pipes', async () => {
    const child = `import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
appendFileSync('held', spawn('sleep', ['60'], { stdio: 'inherit' }).pid + ' ');
setInterval(() => {}, 1000);
`;
    await writeFile(place.path('holds.ts'), child + ones);
    const ended = await place.run('run', './holds.ts', '--help');
    expect([ended.code, ended.stdout.toString()]).to.satisfy(
      ([code, text]: [number, string]) => code === 0 && text.includes('--word <n>'),
    );
    const held = await place.run('run', './holds.ts', 'a.bin', '--json', '--no-cache');
    for (const pid of (await readFile(place.path('held'), 'utf8')).trim().split(' '))
      process.kill(Number(pid), 'SIGKILL');
    expect(json(held)[0].fields.ones).to.deep.equal(onesOf(bytes, 1));
  });

  it('tells of itself, and of its bare time', async () => {
    const loader = ['--import', new URL('../../bin/ts-loader.js', import.meta.url).href, place.path('ones.ts')];
    const [descriptor] = json(await place.node([...loader, '--describe']));
    expect(descriptor).to.include({ name: 'ONES', inputs: 1 });
    expect(descriptor.version).to.match(/^[0-9a-f]{16}$/);
    const bare = place.path('a.bin');
    const said = await place.node([...loader, '--bare', bare, '--piece-bytes', '65536', '--params', '{"word":2}']);
    const times = JSON.parse(said.lines.at(-1)!);
    expect(times).to.include({ pieces: 4, bytes: 262_144 });
    expect(times.ms).to.have.length(4);
    expect(times.ms.every((ms: number) => ms > 0)).to.equal(true);
  });
});
