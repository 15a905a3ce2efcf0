/**
 * Every error that a person or a program can receive: one code each, with what the reader can do about it.
 *
 * A peer's fault becomes one of these, travels as an ERROR message and never throws inside a core. Our own bugs are
 * plain assertions (`assert`), not codes.
 */
export const errorCatalogue = {
  E_NOT_FOUND: 'check the path',
  E_DIRECTORY: 'name a file; -r takes all files of a folder',
  E_ACCESS: 'ask for read permission, or run as a user who has it',
  E_NOT_SEEKABLE: 'save it to a regular file first',
  E_OUTSIDE_ROOTS: 'start the daemon with --root on a folder that holds the file',
  E_IO: 'the disk or file system failed; read the cause in the message',
  E_CHANGED: 'let the writer finish, or name a --range that no longer changes',
  E_RANGE: 'choose a range inside the file',
  E_CELLS: 'ask for fewer cells, or a larger --block',
  E_PARAM: 'correct the parameter; `binglide services` lists them',
  E_USAGE: 'see --help',
  E_NO_SERVICE: 'choose a service that is there; `binglide services` lists them',
  E_SERVICE: 'the fault is in the service, not in the request',
  E_STALLED: 'the service made no progress and was ended; try a smaller range or mend the service',
  E_CRASHED: 'a worker died on this piece three times; the message names it',
  E_CANCELLED: 'the job was cancelled; the same request goes on from what is kept',
  E_BUSY: 'the broker has as many jobs as it takes; wait for one to end',
  E_NO_JOB: 'no such job is running; `binglide jobs` lists them',
  E_NO_BROKER: 'start one with `binglide up`, or leave --broker out',
  E_BROKER_LOST: 'the broker went away and did not come back; ask again',
  E_EXPIRED: 'the answer is no longer kept; ask again',
  E_INTERNAL: 'this is a bug of binglide: please report it with DEBUG=binglide:* set',
  E_PROTOCOL: 'the peer does not follow the specification; read protocol/BXMDPv2.md',
} as const;

export type ErrorCode = keyof typeof errorCatalogue;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCatalogue, code);
}

/** An error as it travels: `message` is one line that names the cause and, where it helps, the way out. */
export interface Fault {
  readonly code: ErrorCode;
  readonly message: string;
  readonly jobId?: string;
  readonly service?: string;
  /** [start, end) in bytes, where the fault belongs to a piece of the input. */
  readonly range?: readonly [number, number];
}

/** What callers of the libraries catch. */
export class BinglideError extends Error {
  override readonly name = 'BinglideError';
  readonly code: ErrorCode;
  // Declared, not defined: what is not known of an error is not a key of it either.
  declare readonly jobId?: string;
  declare readonly service?: string;
  declare readonly range?: readonly [number, number];

  constructor(fault: Fault, options?: { cause?: unknown }) {
    super(fault.message, options);
    this.code = fault.code;
    if (fault.jobId !== undefined) this.jobId = fault.jobId;
    if (fault.service !== undefined) this.service = fault.service;
    if (fault.range !== undefined) this.range = fault.range;
  }

  toFault(): Fault {
    return {
      code: this.code,
      message: this.message,
      ...(this.jobId !== undefined && { jobId: this.jobId }),
      ...(this.service !== undefined && { service: this.service }),
      ...(this.range !== undefined && { range: this.range }),
    };
  }
}

export function isBinglideError(error: unknown): error is BinglideError {
  return error instanceof BinglideError;
}

/** Shorthand: `throw fail('E_RANGE', '…')`. */
export function fail(code: ErrorCode, message: string, more: Partial<Fault> = {}): BinglideError {
  return new BinglideError({ ...more, code, message });
}

/** A broken promise of our own code: the process that holds it is not to be trusted any more. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
