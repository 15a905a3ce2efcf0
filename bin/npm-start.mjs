// `npm start -- hist FILE`: installs and builds what is missing, then runs the command line in the caller's folder.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { build, install, requireNode, root } from './npm-common.mjs';

requireNode();
install();
build();
const [first, ...rest] = process.argv.slice(2);
const isBench = first === '--bench';
const program = isBench ? join(root, 'dist', 'bench', 'main.js') : join(root, 'dist', 'bundle', 'binglide.js');
const args = isBench ? rest : process.argv.slice(2);
const child = spawn(process.execPath, [program, ...args], {
  stdio: 'inherit',
  cwd: process.env.INIT_CWD ?? process.cwd(),
});
// The terminal sends its signals to both of us: the program decides how to end, and we end as it does.
process.on('SIGINT', () => undefined);
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
