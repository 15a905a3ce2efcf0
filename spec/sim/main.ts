/** `node dist/spec/sim/main.js --seeds 1000 --from 1 [--trace] [--tail 200]`: many worlds, or one of them in full. */
import { parseArgs } from 'node:util';
import { simulate } from './simulation.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '50' },
    from: { type: 'string', default: '1' },
    tail: { type: 'string', default: '60' },
    trace: { type: 'boolean', default: false },
    calm: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

const from = Number(values.from);
const to = from + Number(values.seeds);
let failed = 0;
let lines = 0;
const totals = { partials: 0, finals: 0, errors: 0, cancelAcks: 0 };
const began = process.hrtime.bigint();
for (let seed = from; seed < to; seed++) {
  const outcome = simulate(seed, {
    tailLines: Number(values.tail),
    ...(values.trace && { onLine: (line: string) => console.log(line) }),
    ...(values.calm && { isCalm: true }),
  });
  lines += outcome.lines;
  for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += outcome.counts[name];
  if (values.trace) console.log(`seed ${seed} trace ${outcome.digest} ${outcome.lines} lines`);
  if (outcome.violation === undefined) continue;
  failed++;
  if (values.keep) console.log(`seed ${seed}: ${outcome.violation.split('\n')[0]}`);
  else {
    if (!values.trace) console.log(outcome.tail.join('\n'));
    console.log(`seed ${seed}: ${outcome.violation}`);
    break;
  }
}
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
console.log(
  `${to - from} seeds, ${failed} failed, ${lines} trace lines, ${JSON.stringify(totals)}, ${seconds.toFixed(1)} s`,
);
process.exitCode = failed > 0 ? 1 : 0;
