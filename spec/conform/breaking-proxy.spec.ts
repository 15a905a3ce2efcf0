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
  'cancels nothing at its workers': ['C-10.2', 'B-8'],
  'writes whole numbers as floats': ['G-10'],
  'leaves a byte behind its maps': ['G-8'],
  'beats under another header': ['G-7'],
  'beats under half a header': ['G-5'],
  'adds a frame to ERROR': ['G-6'],
  'does not beat': ['G-14'],
  'is mute to strangers': ['B-16', 'B-17'],
  'calls every error E_SERVICE': ['B-6', 'B-20'],
  'invents codes': ['B-6', 'B-7', 'B-20'],
  'has no mark for errors': ['P-3'],
  'halves its cells': ['B-3'],
  'has another n': ['B-1'],
  'puts arrays into maps': ['G-13'],
  'writes paths as texts': ['G-11'],
  'tells another digest': ['D-9'],
  'welcomes whoever says HELLO or READY': ['G-8.2', 'G-9.2', 'D-2', 'D-5'],
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
    await Promise.all(Array.from({ length: 4 }, run));
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
      expect(passed, told).to.include.members(untouched);
    });
  }
});
