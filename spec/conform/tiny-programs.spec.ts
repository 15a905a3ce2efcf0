import { join } from 'node:path';
import { expect } from 'chai';
import { judgePlayed } from '../../conform/judge-played.js';
import type { Dialect, Verdict } from '../../conform/rules.js';
import { packageRoot } from '../root.js';

type Faults = { readonly [fault: string]: readonly string[] };
const w = (...numbers: string[]) => numbers.map((number) => `RFC18-W-${number}`);
const c = (...numbers: string[]) => numbers.map((number) => `RFC18-C-${number}`);

/** Fault → rules that have to fail by it. */
const v2Worker: Faults = {
  'a descriptor of another name': ['W-8'],
  'a descriptor with nil': ['D-1'],
  'a sum of floats': ['D-3'],
  'leaves out its array': ['A-4'],
  'writes wide numbers': ['A-7'],
  'counts one more': ['A-8'],
  'answers now and then twice': ['W-7'],
  'does not compare identities': ['W-2'],
  'reads past the end': ['W-3'],
  'miscounts samples': ['W-4'],
  'reads anything': ['W-13'],
  'invents codes': ['W-13', 'B-6'],
  'says READY again': ['W-8.2'],
  'works before WELCOME': ['W-9'],
  'does not beat': ['G-14'],
  'beats too often': ['G-15'],
  'stands still': ['W-5'],
  'waits for its broker for ever': ['W-6'],
  'keeps its socket': ['W-10'],
  'ignores DISCONNECT': ['W-10'],
  'comes back at once': ['W-10.2'],
  'ignores CANCEL': ['W-12'],
  'cancels whatever it holds': ['W-12.3'],
  'does not subscribe': ['W-1'],
  'compares beginnings': ['W-1.2'],
  'takes an attempt twice': ['14.2-1'],
  'ignores what is invalid': ['14.2-2'],
  'makes up a finish': ['W-15'],
};
const plainWorker: Faults = {
  'a READY of four frames': w('01'),
  'says READY again': w('02'),
  'needs an answer to READY': w('03'),
  'leaves out the empty frame': w('04'),
  'answers twice': w('05'),
  'reads addresses as texts': w('06'),
  'keeps its socket': w('07'),
  'ignores DISCONNECT': w('07'),
  'does not beat': w('08'),
  'does not beat while it works': w('09'),
  'waits for its broker for ever': w('10'),
  'beats before READY': w('01'),
  'beats before it is READY again': w('11'),
  'dies of what it cannot expect': w('12'),
};
const v2Client: Faults = {
  'asks before HELLO': ['C-3'],
  'asks before WELCOME': ['C-3'],
  'fails on PARTIAL': ['C-2.2'],
  'names a relative path': ['4.3'],
  'waits for ever': ['C-1'],
  'counts on when it asks again': ['C-1', 'C-9', 'C-6'],
  'ignores DISCONNECT': ['C-9'],
  'comes back at once': ['C-9.2'],
  'ignores other epochs': ['C-6'],
  'uses a number twice': ['C-4'],
  'takes any answer': ['C-7'],
  'leaves without a word': ['C-8', 'C-10'],
  'ignores what is invalid': ['C-11'],
  'acknowledges nothing': ['C-12'],
  'does not beat': ['G-14'],
  'ends well on ERROR': ['B-6'],
};
const plainClient: Faults = {
  'has an envelope': c('01'),
  'ends at PARTIAL': c('03', '06'),
  'asks twice': c('04'),
  'believes anything': c('07'),
  'has no eye for errors': ['P-3'],
  'asks in words': ['P-1'],
};

interface Group {
  readonly side: 'worker' | 'client';
  readonly dialect: Dialect;
  readonly faults: Faults;
  /** Rules that none of these faults touches, but those by which nothing is reached. */
  readonly untouched: readonly string[];
}

const groups: readonly Group[] = [
  { side: 'worker', dialect: 'v2', faults: v2Worker, untouched: ['D-4'] },
  { side: 'worker', dialect: 'mdp', faults: plainWorker, untouched: [] },
  { side: 'client', dialect: 'v2', faults: v2Client, untouched: [] },
  { side: 'client', dialect: 'mdp', faults: plainClient, untouched: [] },
];

function judged({ side, dialect }: Group, fault: string, only?: readonly string[]): Promise<Verdict[]> {
  const program = [process.execPath, join(packageRoot, 'dist', 'spec', 'conform', `tiny-${side}.js`), dialect];
  const places = side === 'worker' ? ['{endpoint}', '{root}'] : ['{endpoint}', '{service}', '{file}'];
  return judgePlayed({
    side,
    command: [...program, ...places, fault],
    // A rule that is broken often shows by something that does not come.
    timeoutMs: 2500,
    dialect: dialect === 'mdp' ? 'both' : 'v2',
    body: 'wait 1000',
    ...(dialect === 'mdp' && { heartbeatMs: 300 }),
    ...(only && { only }),
  });
}

const toldOf = (verdicts: readonly Verdict[]): string =>
  verdicts.map(({ rule, outcome, seen }) => `${rule.id} ${outcome}: ${seen}`).join('\n');
const idsOf = (verdicts: readonly Verdict[], outcome: string): string[] =>
  verdicts.filter((verdict) => verdict.outcome === outcome).map(({ rule }) => rule.id);

const nameOf = { v2: 'BXMDPv2', mdp: 'RFC 18' } as const;

describe('binglide-conform and programs with one fault each', function () {
  this.timeout(240_000);
  const verdicts = new Map<string, Verdict[]>();
  const keyOf = ({ side, dialect }: Group, fault: string) => `${side} ${dialect} ${fault}`;

  before(async () => {
    const queue: (readonly [Group, string, (readonly string[])?])[] = groups.flatMap((group) => [
      [group, 'none'] as const,
      ...Object.entries(group.faults).map(([fault, ids]) => [group, fault, [...ids, ...group.untouched]] as const),
    ]);
    // Most of it is waiting for what does not come.
    const run = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [group, fault, only] = next;
        verdicts.set(keyOf(group, fault), await judged(group, fault, only));
      }
    };
    await Promise.all(Array.from({ length: 6 }, run));
  });

  for (const group of groups) {
    const { side, dialect, faults, untouched } = group;

    it(`pass a ${side} of ${nameOf[dialect]} without fault, in every rule`, () => {
      const all = verdicts.get(keyOf(group, 'none'))!;
      const open = all.filter(
        ({ rule, outcome }) => rule.dialect === dialect && !['pass', 'not seen'].includes(outcome),
      );
      expect(toldOf(open)).to.equal('');
      expect(idsOf(all, 'pass').length).to.be.above(8);
    });

    for (const [fault, ids] of Object.entries(faults)) {
      it(`${ids.join(', ')}: a ${side} of ${nameOf[dialect]} with the fault: ${fault}`, () => {
        const all = verdicts.get(keyOf(group, fault))!;
        expect(idsOf(all, 'fail'), toldOf(all)).to.have.members(ids);
        const isBase = all.some(({ outcome, seen }) => outcome === 'not reached' && seen.endsWith('fail'));
        if (!isBase) expect(idsOf(all, 'pass'), toldOf(all)).to.include.members(untouched);
      });
    }
  }
});
