/** What a process of this machine has used so far, as Linux tells it in /proc. */
import { readdir, readFile } from 'node:fs/promises';

/** Clock ticks a second in /proc, on every machine that Node runs on. */
const ticksPerSecond = 100;

/** Fields of a stat line behind the name, which may hold anything: utime and stime are the 14th and 15th of all. */
const [utimeAt, stimeAt] = [14 - 3, 15 - 3];

export interface CpuUsage {
  /** User and system time of all threads, milliseconds. */
  readonly allMs: number;
  /** Of the main thread, which is JavaScript's. */
  readonly mainMs: number;
  /** Of each other thread. */
  readonly otherMs: readonly number[];
}

export async function cpuOf(pid: number): Promise<CpuUsage> {
  const threads = (await readdir(`/proc/${pid}/task`)).filter((thread) => Number(thread) !== pid);
  const [allMs, mainMs, ...otherMs] = await Promise.all([
    cpuMs(`/proc/${pid}/stat`),
    cpuMs(`/proc/${pid}/task/${pid}/stat`),
    ...threads.map((thread) => cpuMs(`/proc/${pid}/task/${thread}/stat`)),
  ]);
  return { allMs: allMs!, mainMs: mainMs!, otherMs };
}

async function cpuMs(path: string): Promise<number> {
  const line = await readFile(path, 'utf8');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[utimeAt]) + Number(fields[stimeAt])) * 1000) / ticksPerSecond;
}

/** Memory that the process holds, bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
