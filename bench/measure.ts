/** Figures: several runs of contenders in turn, and what can be said of many numbers. Pure but for the clock. */

export function median(numbers: readonly number[]): number {
  return percentile(numbers, 50);
}

/** Between neighbours in proportion, as NumPy does it; NaN of nothing. */
export function percentile(numbers: readonly number[], percent: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(at)] ?? NaN;
  const above = sorted[Math.ceil(at)] ?? NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** A contender: one run gives its time in milliseconds. */
export interface Contender {
  readonly name: string;
  /** How it is run. */
  readonly how: string;
  /** Rounds it takes part in at the most, the first of which counts: for the very slow. */
  readonly roundsMax?: number;
  run(): Promise<number>;
}

export interface Figure {
  readonly name: string;
  readonly how: string;
  /** A time a counted round, in order of the rounds. */
  readonly ms: readonly number[];
}

/** Runs the contenders in turn, A B C A B C …, after a round that is not counted: drift of the machine hits all alike. */
export async function compare(contenders: readonly Contender[], runs: number): Promise<Figure[]> {
  const times = contenders.map((): number[] => []);
  for (let round = 0; round <= runs; round++) {
    for (const [i, { run, roundsMax }] of contenders.entries()) {
      if (roundsMax !== undefined && (round === 0 || round > roundsMax)) continue;
      const ms = await run();
      if (round > 0) times[i]!.push(ms);
    }
  }
  return contenders.map(({ name, how }, i) => ({ name, how, ms: times[i]! }));
}

/** How many times as fast as the other: the median of the rounds' own ratios, since rounds differ more than contenders. */
export function speedOf({ ms }: Figure, base: Figure): number {
  return median(ms.flatMap((time, round) => (base.ms[round] === undefined ? [] : [base.ms[round] / time])));
}
