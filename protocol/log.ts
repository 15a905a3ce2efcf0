/**
 * Diagnostics for whoever looks for a fault: `DEBUG=binglide:*`. The package that formats them is loaded only where they
 * are asked for: it costs each process 20 ms, and a command starts three.
 */
import { createRequire } from 'node:module';

export type Log = (format: string, ...values: readonly unknown[]) => void;

const isWanted = Boolean(process.env.DEBUG);

/** Lines of one part of the program, named `binglide:…`. */
export function createLog(name: string): Log {
  return isWanted ? (createRequire(import.meta.url)('debug') as (name: string) => Log)(name) : () => {};
}
