/** The program as a shell sees it, where no broker is needed: usage, help, and brokers that are not there. */
import { expect } from 'chai';
import { Place } from './spawned.js';

describe('binglide', function () {
  this.timeout(60_000);
  let place: Place;
  before(async () => {
    place = await Place.make();
  });
  after(() => place.remove());

  it('tells its version', async () => {
    const { code, stdout, stderr } = await place.run('--version');
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout.toString()).to.match(/^\d+\.\d+\.\d+\n$/);
  });

  const commands = [
    'hist',
    'ent',
    'class',
    'digram',
    'stats',
    'diff',
    'bytes',
    'run',
    'up',
    'services',
    'jobs',
    'cancel',
    'cache',
  ];
  it('helps with each command, by example', async () => {
    const all = await Promise.all(commands.map((command) => place.run(command, '--help')));
    for (const [i, { code, stdout, stderr }] of all.entries()) {
      expect([code, stderr], commands[i]).to.deep.equal([0, '']);
      expect(stdout.toString()).to.match(new RegExp(`^Usage: binglide ${commands[i]} [^]*\\nExamples:\\n {2}`));
    }
  });

  const wrong: { readonly [line: string]: string } = {
    hist: 'binglide: hist needs a FILE; see binglide hist --help (E_USAGE)',
    'hst x': "binglide: unknown command 'hst'; did you mean hist? (E_USAGE)",
    'hist --rnage 0:1 x': "binglide: unknown option '--rnage'; did you mean --range? (E_USAGE)",
    'ent --range 5 x': 'binglide: --range 5 has no START:END; write 0:1M, 1G:+64k, :4096, 4096: or -1M: (E_USAGE)',
    'ent --block many x':
      'binglide: --block: "many" is no number of bytes; write 4096, 0x1000, 64k, 1G or 8s (E_USAGE)',
    'ent --cells 0 x': 'binglide: --cells: "0" is not a whole number from 1; see --help (E_USAGE)',
    'ent --preset r2 x': 'binglide: --preset: "r2" is no preset; binwalk2 binwalk3 imhex unblob are there (E_USAGE)',
    'ent --preset imhex --block 512 x':
      'binglide: --preset imhex says how wide cells are; leave --block or --preset out (E_USAGE)',
    'ent --preset unblob --cells 9 x':
      'binglide: --preset unblob says how wide cells are; leave --cells or --preset out (E_USAGE)',
    'digram --cells 9 x': "binglide: unknown option '--cells'; see --help (E_USAGE)",
    stats: 'binglide: stats needs a FILE; see binglide stats --help (E_USAGE)',
    'diff x': "binglide: missing required argument 'B'; see --help (E_USAGE)",
    'diff x y z': "binglide: too many arguments for 'diff'. Expected 2 arguments but got 3.; see --help (E_USAGE)",
    'hist --json --ndjson x': "binglide: option '--json' cannot be used with option '--ndjson'; see --help (E_USAGE)",
    run: 'binglide: run needs the SERVICE; `binglide services` lists names, and a file of one will do (E_USAGE)',
    'hist --broker here x':
      'binglide: here is no endpoint; write tcp://HOST:PORT or ipc:///path/to/broker.sock (E_USAGE)',
    'hist --broker tcp://127.0.0.1:1 -j 2 x':
      'binglide: --cores is for a broker started here; leave it or --broker out (E_USAGE)',
  };
  it('ends with 2 and one line for what makes no sense', async () => {
    const lines = Object.keys(wrong);
    const all = await Promise.all(lines.map((line) => place.run(...line.split(' '))));
    const told = all.map(({ stderr }, i) => [lines[i], stderr.replace(/\n$/, '')]);
    expect(Object.fromEntries(told)).to.deep.equal(wrong);
    expect(new Set(all.map(({ code, stdout }) => `${code} ${stdout}`))).to.deep.equal(new Set(['2 ']));
  });

  it('shows its help and ends with 2 where nothing was asked', async () => {
    const { code, stderr } = await place.run();
    expect(code).to.equal(2);
    expect(stderr).to.match(/^Usage: binglide /);
  });

  it('never replaces a given broker that is not there', async () => {
    const endpoint = `ipc://${place.path('none.sock')}`;
    const { code, stdout, stderr } = await place.run('hist', '--broker', endpoint, 'x');
    expect(stderr).to.equal(`binglide: no broker at ${endpoint}; start \`binglide up\` there (E_NO_BROKER)\n`);
    expect([code, stdout.toString()]).to.deep.equal([1, '']);
  });

  it('tells a program of it in the stream that the program reads', async () => {
    const endpoint = `ipc://${place.path('none.sock')}`;
    const { code, lines, stderr } = await place.run('hist', '--ndjson', '--broker', endpoint, 'x', 'y');
    expect([code, stderr]).to.deep.equal([1, '']);
    expect(lines.map((line) => JSON.parse(line).code)).to.deep.equal(['E_NO_BROKER']);
  });

  it('has nothing to list or cancel where no broker runs', async () => {
    for (const args of [['jobs'], ['cancel', '26:x']]) {
      const { code, stderr } = await place.run(...args);
      expect(stderr).to.match(/^binglide: no broker at ipc:.*; start one with `binglide up` \(E_NO_BROKER\)\n$/);
      expect(code).to.equal(1);
    }
  });

  it('knows where its cache is, and that it is empty', async () => {
    expect((await place.run('cache', 'path')).lines).to.deep.equal([place.path('cache')]);
    expect((await place.run('cache', 'path', '--cache-dir', 'mine')).lines).to.deep.equal([place.path('mine')]);
    expect((await place.run('cache', 'ls')).lines).to.deep.equal(['id\tsize\tchunks\tkept\tservices\tused\tpaths']);
    expect((await place.run('cache', 'rm', 'fw.bin')).lines).to.deep.equal(['removed 0 chunks, 0 bytes']);
  });
});
