import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { judgeBroker } from '../../conform/judge-broker.js';
import type { Verdict } from '../../conform/rules.js';
import { type BrokerFault, brokerFaults, TinyBroker } from './tiny-broker.js';

const heartbeatMs = 150;
const expireMs = 1000;
const b = (...numbers: string[]) => numbers.map((number) => `RFC18-B-${number}`);

/** Fault → the rules that have to fail by it. */
const failing: { readonly [fault in BrokerFault]: readonly string[] } = {
  none: [],
  'two addresses': b('01'),
  'a leading empty frame': [...b('01'), 'RFC8-01'],
  'joins body frames': b('03'),
  'names another service': b('04'),
  'drops PARTIALs': b('04', '05'),
  'reverses PARTIALs': b('05'),
  'drops empty frames': b('03', '06', '14'),
  'passes on what is late': b('07'),
  'forgets early requests': b('08'),
  'keeps old requests for ever': b('09'),
  'serves its first client first': b('10'),
  'floods workers': b('11', '12'),
  'takes the youngest worker': b('13'),
  'is mute to a second READY': b('21'),
  'is mute to strangers': b('22', '23', '24'),
  'is mute to answers while idle': b('25', '26'),
  'does not check addresses': b('27'),
  'lets a worker ask': b('28'),
  'beats after DISCONNECT': b('29'),
  'gives work after DISCONNECT': [...b('30'), 'RFC8-04'],
  'answers DISCONNECT': b('30', '31'),
  'takes invalid messages': b('32'),
  'dies of short messages': b('33'),
  'does not beat': b('41'),
  'never misses a worker': b('42', '43', '52'),
  'beats the dead': b('43'),
  'counts heartbeats only': b('44'),
  'beats always': b('45'),
  'loses requests of those who leave': b('51'),
  'loses requests of the silent': b('52'),
  'has no mmi': ['RFC8-01'],
  'lets workers be mmi': ['RFC8-02'],
  'says 404 always': ['RFC8-03'],
  'says 200 always': ['RFC8-04'],
  'says 404 in place of 501': ['RFC8-05'],
};

/** Of these faults some checks do not come to their end. */
const unreached: { readonly [fault in BrokerFault]?: readonly string[] } = {
  'floods workers': b('10'),
  'dies of short messages': b('14'),
};

async function judged(fault: BrokerFault): Promise<Verdict[]> {
  const folder = await mkdtemp(join(tmpdir(), 'binglide-conform-spec-'));
  const endpoint = `ipc://${join(folder, 'b')}`;
  const broker = await TinyBroker.bind(endpoint, fault, heartbeatMs, expireMs);
  try {
    return await judgeBroker({ endpoint, heartbeatMs, expireMs: expireMs + 500, timeoutMs: 1500, dialect: 'mdp' });
  } finally {
    broker.close();
    await rm(folder, { recursive: true });
  }
}

describe('binglide-conform and brokers of RFC 18 with one fault each', function () {
  this.timeout(60_000);
  const verdicts = new Map<BrokerFault, Promise<Verdict[]>>();

  before(async () => {
    // Nearly all of it is waiting: eight at a time, as many as two processors bear.
    const queue = [...brokerFaults];
    const run = async () => {
      for (let fault = queue.shift(); fault; fault = queue.shift()) {
        const result = judged(fault);
        verdicts.set(fault, result);
        await result;
      }
    };
    await Promise.all(Array.from({ length: 8 }, run));
  });

  for (const fault of brokerFaults) {
    const ids = failing[fault];
    it(ids.length === 0 ? 'pass one without fault' : `${ids.join(', ')}: one that ${fault}`, async () => {
      const all = await verdicts.get(fault)!;
      const failed = all.filter(({ outcome }) => outcome === 'fail');
      const told = failed.map(({ rule, seen }) => `${rule.id}: ${seen}`).join('\n');
      expect(
        failed.map(({ rule }) => rule.id),
        told,
      ).to.deep.equal(ids);
      // The others pass, but for those that need one that failed, or cannot get so far.
      const others = all.filter(({ rule }) => rule.dialect === 'mdp' && !ids.includes(rule.id));
      const open = others.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'not seen');
      const free = open.filter(({ outcome, seen }) => outcome !== 'not reached' || !/^[\w-]+: (fail|not)/.test(seen));
      expect(free.map(({ rule }) => rule.id)).to.deep.equal(unreached[fault] ?? []);
      if (ids.length === 0) expect(open).to.deep.equal([]);
    });
  }
});
