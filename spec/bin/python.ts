/** The Python interpreter that specs use. One without the packages leaves a spec out, which CI does not allow. */
import { spawnSync } from 'node:child_process';
import type { Context } from 'mocha';

const interpreter = process.env.BINGLIDE_PYTHON ?? 'python3';
const imports = 'import sys; assert sys.version_info >= (3, 10); import zmq, msgpack, numpy';
let found: boolean | undefined;

/** In a `before`: the interpreter, or its specs are left out. */
export function needPython(spec: Context): string {
  found ??= spawnSync(interpreter, ['-c', imports], { stdio: 'ignore' }).status === 0;
  if (found) return interpreter;
  if (process.env.CI) throw new Error(`${interpreter} has no zmq, msgpack and numpy`);
  return spec.skip();
}
