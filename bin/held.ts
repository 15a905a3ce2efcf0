/**
 * What this process cannot end over: a thread that waits for a disk which hangs is joined by every orderly exit, for ever.
 */

export interface Held {
  /** Ends it; never resolves where it cannot be ended. */
  close(): Promise<unknown>;
}

const held = new Set<Held>();

export function hold(it: Held): void {
  held.add(it);
}
export function release(it: Held): void {
  held.delete(it);
}

/** Ends the process with that code, or by force where something does not let go in time. */
export async function endProcess(code: number, patienceMs = 500): Promise<never> {
  if (held.size > 0) {
    const timer = setTimeout(() => process.kill(process.pid, 'SIGKILL'), patienceMs);
    await Promise.all([...held].map((it) => it.close()));
    clearTimeout(timer);
  }
  process.exit(code);
}
