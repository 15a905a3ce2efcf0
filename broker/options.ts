/** The broker's settings: each with unit, default, effect and relation to others. */
import { fail } from '../protocol/index.js';

export interface BrokerOptions {
  /** Interval of heartbeats, told to v2 peers in WELCOME, milliseconds. Peers are late after five. Default 1000. */
  readonly heartbeatMs: number;
  /** Requests under way, all clients together; more are refused with E_BUSY. Default 1000. */
  readonly jobsMax: number;
  /**
   * How long a request waits for a service that nobody serves (any more) and that cannot be started here, before
   * E_NO_SERVICE, milliseconds. Default 1500.
   */
  readonly serviceWaitMs: number;
  /** How long a request waits for a first worker of a service that can be started here, milliseconds. Default 15000. */
  readonly workerWaitMs: number;
  /** A task without progress for so long fails with E_STALLED, milliseconds; workers use a shorter one. Default 30000. */
  readonly taskStallMs: number;
  /** A plain worker that did not answer a cancelled request by then is disconnected, milliseconds. Default 150. */
  readonly cancelGraceMs: number;
  /** What one task aims to take, milliseconds: bounds how long a slot is deaf to fairness. Default 10. */
  readonly sliceMs: number;
  /** A request that takes longer than this is sampled first, milliseconds; Infinity: never. Default 60. */
  readonly sampleAboveMs: number;
  /** All samples of a request together read no longer, milliseconds; less of small files. On a slow disk they are fewer. Default 1500. */
  readonly sampleMs: number;
  /** Reports of one job are at least so far apart, milliseconds, and mostly twice as far. Default 25. */
  readonly reportMs: number;
  /**
   * A piece blamed for so many deaths, at least half of all since the first, ends its job with E_CRASHED. The first blame may
   * be wrong, as answers come several at a time. Default 3.
   */
  readonly blameMax: number;
  /** How long the outcome of an ended request is kept for a repeat, milliseconds. Default 600000. */
  readonly outcomeMs: number;
  /** Outcomes kept at the most. Default 10000. */
  readonly outcomesMax: number;
  /** Bytes of opaque results kept for repeats, all together. Default 16 MiB. */
  readonly outcomeBytesMax: number;
  /** The largest message body taken, bytes; told in WELCOME. Default 1 GiB. */
  readonly messageBytesMax: number;
}

export const defaultBrokerOptions: BrokerOptions = {
  heartbeatMs: 1000,
  jobsMax: 1000,
  serviceWaitMs: 1500,
  workerWaitMs: 15_000,
  taskStallMs: 30_000,
  cancelGraceMs: 150,
  sliceMs: 10,
  sampleAboveMs: 60,
  sampleMs: 1500,
  reportMs: 25,
  blameMax: 3,
  outcomeMs: 600_000,
  outcomesMax: 10_000,
  outcomeBytesMax: 16 * 2 ** 20,
  messageBytesMax: 2 ** 30,
};

/** Throws E_USAGE naming field and value. Infinity turns a time limit off. */
export function checkBrokerOptions(given: Partial<BrokerOptions>): BrokerOptions {
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const options = { ...defaultBrokerOptions, ...named };
  for (const [name, value] of Object.entries(options)) {
    if (typeof value !== 'number' || Number.isNaN(value) || value <= 0) {
      throw fail('E_USAGE', `${name} is ${String(value)}; it takes a number above 0`);
    }
  }
  return options;
}
