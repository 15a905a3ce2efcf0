/** The checks in their order, what each builds on, and one run of all of them. */
import type { Descriptor } from '../../protocol/descriptor.js';
import { checkChanged, checkMissing, checkOutside } from './checks/faults.js';
import { checkFinish } from './checks/finish.js';
import { checkAlive, checkCancel } from './checks/life.js';
import { checkBlocks, checkPairs, checkParameters } from './checks/parameters.js';
import { checkEmpty, checkRepeat, checkSplits, checkTails, checkWhole } from './checks/parts.js';
import { checkSamples } from './checks/samples.js';
import { checkSpeed } from './checks/speed.js';
import { checkDescribe, checkReady, described } from './checks/start.js';
import type { Lab } from './lab.js';
import type { Target } from './target.js';
import { CheckFailure, failed, isWell, type Result, type Verdict } from './verdict.js';

/** What comes behind an answer that should have been the last comes at once. */
const quietMs = 30;

interface Check {
  readonly name: string;
  /** Checks without which this one would only fail for the same reason. */
  readonly needs: readonly string[];
  readonly run: (lab: Lab) => Promise<Verdict>;
}

const checks: readonly Check[] = [
  { name: 'whole', needs: ['ready'], run: checkWhole },
  { name: 'repeat', needs: ['whole'], run: checkRepeat },
  { name: 'splits', needs: ['repeat'], run: checkSplits },
  { name: 'tails', needs: ['splits'], run: checkTails },
  { name: 'empty input', needs: ['whole'], run: checkEmpty },
  { name: 'parameters', needs: ['whole'], run: checkParameters },
  { name: 'blocks', needs: ['repeat'], run: checkBlocks },
  { name: 'samples', needs: ['repeat'], run: checkSamples },
  { name: 'pairs', needs: ['splits'], run: checkPairs },
  { name: 'finish', needs: ['repeat'], run: checkFinish },
  { name: 'changed file', needs: ['ready'], run: checkChanged },
  { name: 'missing file', needs: ['ready'], run: checkMissing },
  { name: 'outside roots', needs: ['ready'], run: checkOutside },
  { name: 'cancel', needs: ['repeat'], run: checkCancel },
  { name: 'stays alive', needs: ['whole'], run: checkAlive },
  { name: 'speed', needs: ['whole'], run: checkSpeed },
];

export class Suite {
  readonly results: Result[] = [];

  constructor(
    readonly target: Target,
    readonly signal: AbortSignal,
    /** Told of each check as it ends. */
    readonly told: (result: Result) => void,
  ) {}

  /** The first two checks: what the service is, as far as anything tells. */
  async begin(): Promise<Descriptor | null> {
    const { target } = this;
    const [began, own] = [performance.now(), await described(target).catch(caught)];
    const ready = await target.start().then(() => null, caught);
    const registered = target.ready?.descriptor ?? null;
    const describing = () => {
      if (own instanceof CheckFailure) throw own;
      return checkDescribe(own, registered);
    };
    this.#add('describe', began, await verdictOf(async () => describing()));
    const readyBegan = performance.now();
    if (ready) this.#add('ready', readyBegan, failed(ready));
    else this.#add('ready', readyBegan, await verdictOf(() => checkReady(target)));
    return registered ?? (own instanceof CheckFailure ? null : own);
  }

  /** All others; `lab` null: nothing is known of the service. */
  async run(lab: Lab | null): Promise<void> {
    for (const { name, needs, run } of checks) {
      if (this.signal.aborted) return;
      const began = performance.now();
      const missing = needs.find((need) => !this.#isOk(need));
      if (missing !== undefined || !lab) {
        this.#add(name, began, { outcome: 'left out', seen: `it builds on \`${missing ?? 'ready'}\`` });
      } else {
        const verdict = await verdictOf(() => run(lab));
        if (this.signal.aborted) return;
        await new Promise((resolve) => setTimeout(resolve, quietMs));
        this.#add(name, began, this.#withComplaints(verdict));
      }
    }
  }

  get isWell(): boolean {
    return this.results.every(isWell);
  }

  #isOk(name: string): boolean {
    return this.results.some((result) => result.name === name && isWell(result));
  }

  /** What the worker said beside its answers belongs to the check that was under way. */
  #withComplaints(verdict: Verdict): Verdict {
    const [complaint] = this.target.broker.takeComplaints();
    if (complaint === undefined || verdict.outcome === 'failed') return verdict;
    return failed(new CheckFailure(complaint, 'each attempt is answered once, with its own attempt and epoch'));
  }

  #add(name: string, began: number, verdict: Verdict): void {
    const result = { name, ...verdict, ms: performance.now() - began };
    this.results.push(result);
    // What ends with the check is no fault of the service's.
    if (!this.signal.aborted) this.told(result);
  }
}

function caught(error: unknown): CheckFailure {
  if (error instanceof CheckFailure) return error;
  throw error;
}

async function verdictOf(run: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await run();
  } catch (error) {
    return failed(caught(error));
  }
}
