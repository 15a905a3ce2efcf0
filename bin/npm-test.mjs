// `npm test`: installs, builds and passes every check that this machine can run. Each step's name and end stand on a line of
// their own; what was left out says why, and is a failure where CI is set.
import { join } from 'node:path';
import { build, install, requireNode, root, run } from './npm-common.mjs';
import { pythonSteps, rustSteps } from './npm-polyglot.mjs';

requireNode();
install();
const tool = (...path) => join(root, 'node_modules', ...path);
const leavingOutFails = Boolean(process.env.CI);
// A step ends with 0, with another number, or with the reason for which it was left out.
const steps = [
  // The build itself ends with an error where types do not hold.
  ['types and build', build],
  [
    'lint and format',
    () => run(process.execPath, [tool('@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.']),
  ],
  ...pythonSteps(),
  ...rustSteps(),
  [
    'specs, import rules and the simulation',
    () => run(process.execPath, [tool('mocha', 'bin', 'mocha.js'), ...process.argv.slice(2)], { stdio: 'inherit' }),
  ],
];
const counts = { passed: 0, failed: 0, 'left out': 0 };
for (const [name, step] of steps) {
  const end = step() ?? 0;
  const outcome = typeof end === 'string' ? 'left out' : end === 0 ? 'passed' : 'failed';
  counts[outcome]++;
  process.stderr.write(`binglide: ${name}: ${outcome}${typeof end === 'string' ? `: ${end}` : ''}\n`);
}
const told = Object.entries(counts).filter(([outcome, count]) => count > 0 || outcome !== 'left out');
process.stdout.write(`${told.map(([outcome, count]) => `${count} ${outcome}`).join(', ')}\n`);
process.exit(counts.failed > 0 || (leavingOutFails && counts['left out'] > 0) ? 1 : 0);
