// `npm test`: installs, builds and passes every check. Each step's name and end stand on a line of their own.
import { join } from 'node:path';
import { build, install, requireNode, root, run } from './npm-common.mjs';

requireNode();
install();
const tool = (...path) => join(root, 'node_modules', ...path);
// The build itself ends with an error where types do not hold.
const steps = [
  ['types and build', build],
  [
    'lint and format',
    () => run(process.execPath, [tool('@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.']),
  ],
  [
    'specs, import rules and the simulation',
    () => run(process.execPath, [tool('mocha', 'bin', 'mocha.js'), ...process.argv.slice(2)], { stdio: 'inherit' }),
  ],
];
const failed = steps.filter(([name, step]) => {
  const status = step() ?? 0;
  process.stderr.write(`binglide: ${name}: ${status === 0 ? 'passed' : 'failed'}\n`);
  return status !== 0;
});
process.stdout.write(`${steps.length - failed.length} passed, ${failed.length} failed\n`);
process.exit(failed.length === 0 ? 0 : 1);
