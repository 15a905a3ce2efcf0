import { join } from 'node:path';
import { expect } from 'chai';
import { judgeBroker } from '../../conform/judge-broker.js';
import { judgePlayed } from '../../conform/judge-played.js';
import type { Dialect, Verdict } from '../../conform/rules.js';
import { needPython } from '../bin/python.js';
import { packageRoot } from '../root.js';
import { BrokerDaemon } from './broker-daemon.js';

const program = (...path: string[]) => [process.execPath, join(packageRoot, 'dist', ...path)];

/**
 * Programs to be judged; another language is another line. `{endpoint}`, `{service}`, `{file}` and `{root}` are filled
 * in. `only`: these rules, where all of them were judged of another program that shares the code.
 */
interface Judged {
  readonly side: 'worker' | 'client';
  readonly dialect: Dialect;
  readonly name: string;
  readonly command: readonly string[];
  readonly service?: string;
  readonly only?: readonly string[];
  readonly heartbeatMs?: number;
  readonly body?: string;
  /** Left out where there is no Python with its packages. */
  readonly isPython?: true;
}

const builtin = (service: string) => [
  ...program('bin', 'binglide-worker.js'),
  ...['--broker', '{endpoint}', '--root', '{root}', '--service', service],
];
const parts = ['W-8', 'D-1', 'D-3', 'D-4', 'A-4', 'A-2', 'A-7', 'A-8', 'A-12', 'W-4', 'A-10', 'G-10'];

const python = (...rest: string[]) => [
  ...['/usr/bin/env', `PYTHONPATH=${join(packageRoot, 'polyglot', 'python', 'src')}`, '{python}'],
  ...rest,
];
const pythonTest = (...path: string[]) => join(packageRoot, 'polyglot', 'python', 'tests', ...path);
const pythonClient =
  'import sys, binglide\nwith binglide.connect(sys.argv[1]) as b:\n for r in b.request(*sys.argv[2:]): pass';

const pythonPlainWorker = `
import sys, time
from binglide.worker import serve_plain

def echo(body):
    word, _, ms = bytes(body[0]).decode(errors="replace").partition(" ")
    if word == "wait":
        time.sleep(float(ms) / 1e3)
    yield b"half"
    yield body

serve_plain(sys.argv[1], "echo", echo, heartbeat_ms=400)
`;
const pythonPlainClient =
  'import sys, binglide.plain\nwith binglide.plain.PlainClient(sys.argv[1]) as b:\n for r in b.ask(*sys.argv[2:]): pass';

const programs: readonly Judged[] = [
  { side: 'worker', dialect: 'v2', name: 'binglide-worker, HIST', command: builtin('HIST') },
  ...['ENT', 'DIFF'].map(
    (service): Judged => ({
      side: 'worker',
      dialect: 'v2',
      name: `binglide-worker, the parts of ${service}`,
      command: builtin(service),
      service,
      only: parts,
    }),
  ),
  {
    side: 'worker',
    dialect: 'v2',
    name: 'a service whose field says no shape',
    command: [...program('spec', 'workers', 'services', 'bits.js'), '--broker', '{endpoint}', '--root', '{root}'],
    only: parts,
  },
  {
    side: 'worker',
    dialect: 'v2',
    name: 'binglide-worker of all services, judged by the first',
    command: [...program('bin', 'binglide-worker.js'), '--broker', '{endpoint}', '--root', '{root}'],
    only: ['W-6', 'W-10', 'W-10.2'],
  },
  {
    side: 'worker',
    dialect: 'mdp',
    name: 'PlainWorker',
    command: [...program('spec', 'conform', 'plain-worker.js'), '{endpoint}', '400'],
    heartbeatMs: 400,
    body: 'wait 1600',
  },
  {
    side: 'client',
    dialect: 'v2',
    name: 'the command line',
    command: [...program('bin', 'binglide.js'), 'hist', '--broker', '{endpoint}', '{file}'],
    service: 'HIST',
  },
  {
    side: 'client',
    dialect: 'mdp',
    name: 'PlainClient',
    command: [...program('spec', 'conform', 'plain-client.js'), '{endpoint}', '{service}', '{file}'],
  },
  {
    side: 'worker',
    dialect: 'v2',
    name: 'a service in Python',
    command: python(pythonTest('services', 'period.py'), '--broker', '{endpoint}', '--root', '{root}'),
    isPython: true,
  },
  {
    side: 'client',
    dialect: 'v2',
    name: 'a client in Python',
    command: python('-c', pythonClient, '{endpoint}', '{service}', '{file}'),
    isPython: true,
  },
  {
    side: 'worker',
    dialect: 'mdp',
    name: 'a plain worker in Python',
    command: python('-c', pythonPlainWorker, '{endpoint}'),
    heartbeatMs: 400,
    body: 'wait 1600',
    isPython: true,
  },
  {
    side: 'client',
    dialect: 'mdp',
    name: 'a plain client in Python',
    command: python('-c', pythonPlainClient, '{endpoint}', '{service}', '{file}'),
    isPython: true,
  },
];

/** Every rule of the dialect passed, or is out of sight; the others are not spoken. */
function expectAll(verdicts: readonly Verdict[], dialects: readonly Dialect[], only?: readonly string[]): void {
  const wrong = verdicts.filter(({ outcome, rule }) => {
    if (!dialects.includes(rule.dialect)) return !['not spoken', 'not seen'].includes(outcome);
    return outcome !== 'pass' && outcome !== 'not seen';
  });
  expect(wrong.map(({ rule, outcome, seen }) => `${rule.id} ${outcome}: ${seen}`)).to.deep.equal([]);
  const passed = verdicts.filter(({ outcome }) => outcome === 'pass').length;
  expect(passed).to.be.above(only ? Math.min(8, only.length - 1) : 9);
}

describe('binglide-conform and ours', function () {
  this.timeout(120_000);

  describe('the broker daemon', () => {
    let daemon: BrokerDaemon;
    before(async () => {
      daemon = await BrokerDaemon.start(400);
    });
    after(() => daemon.stop());

    it('passes every rule of RFC 18, RFC 8 and BXMDPv2', async () => {
      const verdicts = await judgeBroker({
        endpoint: daemon.endpoint,
        heartbeatMs: 400,
        timeoutMs: 5000,
        expireMs: 4000,
        dialect: 'both',
      });
      expectAll(verdicts, ['mdp', 'v2']);
    });

    it('speaks RFC 18 to who asks for nothing else, and the rest is said to be not spoken', async () => {
      const verdicts = await judgeBroker({
        endpoint: daemon.endpoint,
        heartbeatMs: 400,
        timeoutMs: 5000,
        expireMs: 4000,
        dialect: 'mdp',
        only: ['RFC18-B-01', 'RFC8-01', 'G-1'],
      });
      expect(verdicts.map(({ rule, outcome }) => [rule.id, outcome])).to.deep.equal([
        ['RFC18-B-01', 'pass'],
        ['RFC8-01', 'pass'],
        ['G-1', 'not spoken'],
      ]);
    });
  });

  for (const { side, dialect, name, command, only, service, heartbeatMs, body = 'conform', isPython } of programs) {
    it(`${side}: ${name}`, async function () {
      const words = isPython ? command.map((word) => (word === '{python}' ? needPython(this) : word)) : command;
      const verdicts = await judgePlayed({
        side,
        command: words,
        body,
        timeoutMs: 10_000,
        dialect: 'both',
        ...(only && { only }),
        ...(service && { service }),
        ...(heartbeatMs && { heartbeatMs }),
      });
      expectAll(verdicts, [dialect], only);
    });
  }
});
