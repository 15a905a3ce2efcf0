/** Figures: whole commands or calls, several times in turn, as minimum, median and maximum. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Figure {
  readonly name: string;
  readonly ms: readonly number[];
  readonly note: string;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export interface Ran {
  readonly ms: number;
  readonly stdout: string;
}

/** A command as a whole process; rejects where it fails. */
export async function command(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const begun = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const out: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (data) => out.push(data));
  child.stderr.on('data', (data) => errors.push(data));
  const [code] = await once(child, 'close');
  const ms = performance.now() - begun;
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${Buffer.concat(errors)}`);
  return { ms, stdout: Buffer.concat(out).toString() };
}

/** Does the program run at all on this machine? */
export async function isThere(program: string, args: readonly string[]): Promise<boolean> {
  return command(program, args).then(
    () => true,
    () => false,
  );
}

/** A contender: one run gives its time in milliseconds, or several times by name. */
export interface Contender {
  readonly name: string;
  readonly note: string;
  run(): Promise<number>;
}

/** Runs the contenders in turn, A B C A B C …, after a round that is not counted: drift of the machine hits all alike. */
export async function compare(contenders: readonly Contender[], runs: number): Promise<Figure[]> {
  const times = contenders.map((): number[] => []);
  for (let round = 0; round <= runs; round++) {
    for (const [i, contender] of contenders.entries()) {
      const ms = await contender.run();
      if (round > 0) times[i]!.push(ms);
    }
  }
  return contenders.map(({ name, note }, i) => ({ name, note, ms: times[i]! }));
}

/** A table in Markdown; ratios are of medians, against the first figure. */
export function table(figures: readonly Figure[], bytes: number): string {
  const base = median(figures[0]!.ms);
  const rows = figures.map(({ name, ms, note }) => {
    const [least, most, middle] = [Math.min(...ms), Math.max(...ms), median(ms)];
    const speed = bytes > 0 ? (bytes / 2 ** 30 / (middle / 1000)).toFixed(2) : '';
    return `| ${name} | ${least.toFixed(0)} | ${middle.toFixed(0)} | ${most.toFixed(0)} | ${speed} | ${(base / middle).toFixed(2)} | ${note} |`;
  });
  return [
    '| what | min ms | median ms | max ms | GiB/s | speed ÷ first row’s | how |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
