import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { judgeBroker } from '../../conform/judge-broker.js';
import type { Verdict } from '../../conform/rules.js';
import { BreakingProxy, proxyFaults } from './breaking-proxy.js';
import { BrokerDaemon } from './broker-daemon.js';

/** Fault → rules that have to fail by it. */
const failing: { readonly [fault: string]: readonly string[] } = {
  nothing: [],
  miscounts: ['B-4'],
  'sends FINAL twice': ['B-21'],
  'calls every cancelled job unknown': ['B-24', 'B-24.2'],
  'cancels nothing at its workers': ['C-10.2', 'B-8', 'B-25'],
  'writes whole numbers as floats': ['G-10'],
  'leaves a byte behind its maps': ['G-8'],
  'beats under another header': ['G-7'],
  'beats under half a header': ['G-5'],
  'adds a frame to ERROR': ['G-6'],
  'does not beat': ['G-14'],
  'is mute to strangers': ['B-16', 'B-17'],
  'calls every error E_SERVICE': ['B-6', 'B-20', 'E-1'],
  'invents codes': ['B-6', 'B-7', 'B-20'],
  'has no mark for errors': ['P-3'],
  'halves its cells': ['B-3', 'A-1'],
  'has another n': ['B-1'],
  'puts arrays into maps': ['G-13'],
  'writes paths as texts': ['G-11'],
  'tells another digest': ['D-9'],
  'welcomes whoever says HELLO or READY': ['G-8.2', 'G-9.2', 'D-1', 'D-2', 'D-3', 'D-4', 'D-5', 'D-6', 'D-7', 'D-10'],
  'ticks somewhere else': ['G-3'],
  'names a relative endpoint': ['G-4'],
  'has its endpoint where everybody is': ['G-17'],
  'reads short integers only': ['G-10.2', 'G-10.3'],
  'reads paths as bin only': ['G-11.2'],
  'refuses what it does not know': ['G-12'],
  'beats behind each message': ['G-15'],
  'writes arrays in Fortran order': ['B-4', 'A-10'],
  'leaves out the state of cells': ['B-2'],
  'does not see that connections go': ['B-9', 'P-5'],
  'calls each attempt 1': ['B-11'],
  'gives every task three times': ['B-12'],
  'gives nothing twice': ['B-14', 'B-15', 'B-27'],
  'knows each client once': ['B-18'],
  'lists each job twice': ['B-19'],
  'words its errors anew': ['B-19.2'],
  'cuts the answers of plain clients': ['P-1'],
  'gives every request one address': ['P-8'],
  'never says that it crashed': ['B-14.2', 'P-9'],
  'disconnects no plain worker': ['P-10', 'P-8'],
  'lists no services': ['P-11'],
  'is mute to broken parts': ['A-6', 'A-11'],
  'takes short numbers only': ['A-5', 'A-7', 'A-11.2'],
  'tells another version': ['D-8'],
  'tells another size': ['W-2.2'],
  'loses the eighth': ['C-5.2'],
  'finishes on its own': ['B-29'],
  'does not tell a finish its bytes': ['A-14'],
};

/** Rules that none of these faults touches: they pass beside each of them. */
const untouched = ['G-1', 'P-7', 'G-4'];

describe('binglide-conform and a broker of BXMDPv2 with one fault at a time', function () {
  this.timeout(120_000);
  const verdicts = new Map<string, Promise<Verdict[]>>();
  let daemon: BrokerDaemon;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'binglide-conform-spec-'));
    daemon = await BrokerDaemon.start(300);
    const queue = [...proxyFaults.entries()];
    const run = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [i, fault] = next;
        const result = judged(fault, `ipc://${join(folder, `p${i}`)}`);
        verdicts.set(fault, result);
        await result;
      }
    };
    await Promise.all(Array.from({ length: 6 }, run));
  });
  after(async () => {
    await daemon.stop();
    await rm(folder, { recursive: true });
  });

  async function judged(fault: string, endpoint: string): Promise<Verdict[]> {
    const proxy = await BreakingProxy.bind(endpoint, daemon.endpoint, fault);
    try {
      // What can be told only by messages that other checks make has one of those beside it.
      const only = [...failing[fault]!, ...untouched, 'B-1', 'B-20'];
      return await judgeBroker({ endpoint, heartbeatMs: 300, timeoutMs: 3000, expireMs: 3000, dialect: 'both', only });
    } finally {
      proxy.close();
    }
  }

  for (const fault of proxyFaults) {
    it(`${failing[fault]!.join(', ') || 'pass one without fault'}: one that ${fault}`, async () => {
      const all = await verdicts.get(fault)!;
      const of = (outcome: string) => all.filter((verdict) => verdict.outcome === outcome);
      const failed = of('fail').map(({ rule }) => rule.id);
      const told = all.map(({ rule, outcome, seen }) => `${rule.id} ${outcome}: ${seen}`).join('\n');
      expect(
        failed.filter((id) => !failing[fault]!.includes(id)),
        told,
      ).to.deep.equal([]);
      const named = failing[fault]!.filter((id) => !failed.includes(id));
      expect(named, told).to.deep.equal([]);
      const passed = of('pass').map(({ rule }) => rule.id);
      expect(passed, told).to.include.members(untouched.filter((id) => !failing[fault]!.includes(id)));
    });
  }
});
