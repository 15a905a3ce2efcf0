/**
 * Why a command ends before its work does: a signal, or a reader who closed the pipe. The first asks for an orderly end
 * (jobs are cancelled, the last picture stays), a second signal ends the process at once, or by force half a
 * second later, where a disk holds it.
 */

import { endProcess } from '../held.js';

/** What a shell sees: 128 and the signal's number. */
export const signalCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
export const closedPipeCode = 141;

export class Stop {
  readonly #controller = new AbortController();
  #code: number | null = null;

  /** Aborted as soon as the command is to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The exit code that the reason asks for; null while there is none. */
  get code(): number | null {
    return this.#code;
  }

  /** Nobody reads any more: nothing is to be said. */
  get isSilent(): boolean {
    return this.#code === closedPipeCode;
  }

  listen(): void {
    for (const [name, code] of Object.entries(signalCodes)) {
      process.on(name, () => {
        if (this.#code !== null) void endProcess(code);
        this.end(code);
      });
    }
  }

  end(code: number): void {
    this.#code ??= code;
    this.#controller.abort();
  }
}
