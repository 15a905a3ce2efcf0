// The other languages' part of `npm test`. What is missing on the machine leaves a step out, with the way to get it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './npm-common.mjs';

const python = join(root, 'polyglot', 'python');
const rust = join(root, 'polyglot', 'rust');
const modules = ['zmq', 'msgpack', 'numpy', 'pytest', 'pytest_asyncio', 'mypy', 'ruff'];

// The first interpreter that has everything; specs that start Python services use the same one.
function findPython() {
  const own = join(python, '.venv', 'bin', 'python');
  const candidates = [process.env.BINGLIDE_PYTHON, existsSync(own) ? own : undefined, 'python3'].filter(Boolean);
  const imports = `import sys; assert sys.version_info >= (3, 10); import ${modules.join(', ')}`;
  return candidates.find((candidate) => spawnSync(candidate, ['-c', imports], { stdio: 'ignore' }).status === 0);
}

export function pythonSteps() {
  const interpreter = findPython();
  const missing =
    `no Python 3.10 or newer with ${modules.join(', ')}; \`python3 -m venv polyglot/python/.venv && ` +
    "polyglot/python/.venv/bin/pip install -e 'polyglot/python[test]'` gets it";
  if (interpreter !== undefined) process.env.BINGLIDE_PYTHON = interpreter;
  const module =
    (name, ...args) =>
    () =>
      interpreter === undefined ? missing : run(interpreter, ['-m', name, ...args], { cwd: python });
  return [
    ['Python: lint', module('ruff', 'check', '.')],
    ['Python: types', module('mypy', 'src')],
    ['Python: specs', module('pytest')],
  ];
}

export function rustSteps() {
  if (!existsSync(rust)) return [];
  const has = (tool) => spawnSync('cargo', [tool, '--help'], { stdio: 'ignore' }).status === 0;
  const cargo =
    (tool, ...args) =>
    () =>
      has(tool) ? run('cargo', [tool, ...args], { cwd: rust }) : `no cargo ${tool}; rustup gets it`;
  return [
    ['Rust: format', cargo('fmt', '--check')],
    ['Rust: lint', cargo('clippy', '--all-targets', '--', '-D', 'warnings')],
    ['Rust: specs', cargo('test', '--release')],
  ];
}
