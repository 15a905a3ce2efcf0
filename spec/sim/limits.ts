/**
 * What must hold at the broker, seen from outside its core: a request is answered once and not after its end, reports
 * keep their pace, credit and slots are not overdrawn, pieces and jobs stay within their limits, no slot idles beside work.
 */
import type { BrokerCommand } from '../../broker/events.js';
import { jobIdOf, type PeerId, type ToBroker } from '../../protocol/index.js';
import type { BrokerWatch, SimBroker } from './broker.js';
import { demand } from './world.js';

export class Limits implements BrokerWatch {
  /** Requests that this broker life has received and not ended. */
  #open = new Set<string>();
  /** When a job's last report was ordered, in the broker's time. */
  readonly #reportedMs = new Map<string, number>();
  #slotsMost = 0;
  #jobsMost = 0;
  #life: SimBroker | undefined;

  /** Requests under way at the same time, at the most so far. */
  get jobsMost(): number {
    return this.#jobsMost;
  }

  brokerReceived(broker: SimBroker, peer: PeerId, message: ToBroker): void {
    this.#live(broker);
    if (message.kind !== 'request' && message.kind !== 'rawRequest') return;
    const session = broker.core.books.sessions.byPeer(peer);
    if (!session) return;
    this.#open.add(`${session.clientId} ${message.requestId}`);
    // Who asks again is told at once how far it is.
    this.#reportedMs.delete(jobIdOf(session.clientId, message.requestId));
  }

  brokerSent(broker: SimBroker, command: BrokerCommand): void {
    if (command.kind === 'sendReport') {
      const { jobId } = command;
      const since = broker.process.now - (this.#reportedMs.get(jobId) ?? -Infinity);
      demand(since >= broker.core.books.options.reportMs, `job ${jobId} is reported again after ${since} ms`);
      this.#reportedMs.set(jobId, broker.process.now);
    }
    if (command.kind !== 'sendToClient') return;
    const { message, peer } = command;
    const session = broker.core.books.sessions.byPeer(peer);
    if (!session || !('requestId' in message)) return;
    const key = `${session.clientId} ${message.requestId}`;
    demand(this.#open.has(key), `the broker sent ${message.kind} for ${key}, which is not open`);
    if (message.kind === 'final' || message.kind === 'error' || message.kind === 'rawFinal') this.#open.delete(key);
  }

  brokerHandled(broker: SimBroker): void {
    this.#live(broker);
    const { roster, jobs, options } = broker.core.books;
    this.#slotsMost = Math.max(this.#slotsMost, roster.slotCount);
    const running = new Map<string, string>();
    for (const { peer, slot, credit, attempts } of roster.workers()) {
      demand(attempts.length <= credit, `worker ${peer} owes ${attempts.length} answers with a credit of ${credit}`);
      if (attempts.length === 0) continue;
      demand(!running.has(slot), `slot ${slot} runs tasks of two workers`);
      running.set(slot, peer);
    }
    const census = broker.core.census();
    this.#jobsMost = Math.max(this.#jobsMost, census.jobs + census.rawJobs);
    demand(jobs.size <= options.jobsMax, `${jobs.size} jobs, of ${options.jobsMax}`);
    for (const { id, phase } of jobs.values()) {
      if (phase.name !== 'running') continue;
      // Four times as many where they are short. A report that is with its service reads nothing.
      const most = 4 * 2 * Math.max(1, this.#slotsMost);
      const pieces = [...phase.open.keys()].filter((key) => !key.startsWith('finish ')).length;
      demand(pieces <= most, `job ${id} has ${pieces} pieces open, of ${most}`);
    }
    this.#checkBusy(broker);
  }

  /** No slot is idle while there is something that it could do; where seeks are dear, one reader goes on alone. */
  #checkBusy({ core: { books } }: SimBroker): void {
    const busy = new Set([...books.roster.workers()].filter((it) => it.attempts.length > 0).map(({ slot }) => slot));
    const idle = new Set([...books.roster.workers()].filter(({ slot }) => !busy.has(slot)).map(({ digest }) => digest));
    if (idle.size === 0) return;
    const { jobs } = books;
    for (const { id, phase, service } of jobs.values()) {
      if (phase.name !== 'running' || !idle.has(service!.digest) || books.seeks.areDear(phase.inputIds)) continue;
      const chunks = [...phase.open.keys()].map((key) => books.chunks.get(key)!);
      const waits = chunks.some(({ lost, next, span }) => lost.length > 0 || next < span.end);
      demand(!waits, `a slot is idle while job ${id} has a slice to be computed`);
      const most = 2 * books.roster.slotCount;
      // Until all cells are sampled exact pieces wait.
      const openable = phase.samples.length + (jobs.get(id)!.awaitsWholePicture ? 0 : phase.pending.size);
      demand(openable === 0 || phase.open.size >= most, `a slot is idle while job ${id} has pieces to open`);
    }
  }

  #live(broker: SimBroker): void {
    if (this.#life === broker) return;
    this.#life = broker;
    this.#open = new Set();
    this.#reportedMs.clear();
    this.#slotsMost = 0;
  }
}
