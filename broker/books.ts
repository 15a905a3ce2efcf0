/**
 * The core's state owners side by side, and the few things that all of its parts do: emit a command, find a job's owner,
 * end a job. Each table is written by its owner alone.
 */
import {
  assert,
  type Epoch,
  type Fault,
  type JobId,
  type PeerId,
  plainErrorBody,
  reportFrames,
} from '../protocol/index.js';
import { ChunkTable } from './chunks.js';
import type { BrokerCommand } from './events.js';
import type { Job } from './job.js';
import type { BrokerOptions } from './options.js';
import { Outcomes } from './outcomes.js';
import { Roster } from './roster.js';
import { Seeks } from './seeks.js';
import { ServiceBook } from './services.js';
import { type Session, Sessions } from './sessions.js';

const none: readonly BrokerCommand[] = [];

export class Books {
  readonly services = new ServiceBook();
  readonly roster = new Roster();
  readonly seeks = new Seeks();
  readonly chunks = new ChunkTable();
  readonly sessions: Sessions;
  readonly outcomes: Outcomes;
  /** Requests of services with descriptors that are under way; an ended one is absent. */
  readonly jobs = new Map<JobId, Job>();
  #commands: BrokerCommand[] = [];

  constructor(
    readonly options: BrokerOptions,
    readonly epoch: Epoch,
    readonly cancelEndpoint: string,
  ) {
    this.sessions = new Sessions(options.heartbeatMs, epoch);
    this.outcomes = new Outcomes(options);
  }

  emit(command: BrokerCommand): void {
    this.#commands.push(command);
  }

  takeCommands(): readonly BrokerCommand[] {
    const commands = this.#commands;
    if (commands.length === 0) return none;
    this.#commands = [];
    return commands;
  }

  welcome() {
    const { heartbeatMs, messageBytesMax, jobsMax } = this.options;
    const limits = { messageBytesMax, jobsMax };
    return { kind: 'welcome', heartbeatMs, cancelEndpoint: this.cancelEndpoint, epoch: this.epoch, limits } as const;
  }

  ownerOf(job: Job): Session | undefined {
    return this.sessions.byClient(job.clientId);
  }

  /** Sends and notes that we spoke. */
  speak(session: Session, now: number): PeerId {
    session.liveness.spoke(now);
    return session.peer;
  }

  /** FINAL, once: the job is gone afterwards. */
  answer(job: Job, now: number): void {
    assert(job.isDone, 'only a complete job is answered');
    const session = this.ownerOf(job);
    const report = job.report(now);
    this.drop(job);
    this.outcomes.keep(job.id, { kind: 'answered' }, now);
    if (!session) return;
    const peer = this.speak(session, now);
    if (session.dialect === 'plain') {
      const message = { kind: 'plainFinal', service: job.query.service, body: reportFrames(report) } as const;
      this.emit({ kind: 'sendToPlainClient', peer, message });
    } else {
      this.emit({ kind: 'sendToClient', peer, message: { kind: 'final', requestId: job.requestId, report } });
    }
  }

  /** ERROR, once: the job is gone afterwards. What it wanted is withdrawn by the caller. */
  refuse(job: Job, fault: Fault, now: number): void {
    const session = this.ownerOf(job);
    const told = job.faultOf(fault);
    this.drop(job);
    this.outcomes.keep(job.id, { kind: 'failed', fault: told }, now);
    if (session) this.sendFault(session, job.query.service, job.requestId, told, now);
  }

  /** Names what is there instead; `opaque`: services without a descriptor. */
  noService(wanted: string, opaque: readonly string[]): Fault {
    const names = [...new Set([...this.services.names(), ...opaque])].sort().join(' ');
    return { code: 'E_NO_SERVICE', message: `no service ${wanted}; ${names || 'none'} are there` };
  }

  sendFault(session: Session, service: string, requestId: Job['requestId'], fault: Fault, now: number): void {
    const peer = this.speak(session, now);
    if (session.dialect === 'plain') {
      this.emit({
        kind: 'sendToPlainClient',
        peer,
        message: { kind: 'plainFinal', service, body: plainErrorBody(fault) },
      });
    } else {
      this.emit({ kind: 'sendToClient', peer, message: { kind: 'error', requestId, fault } });
    }
  }

  /** The job is gone without a word. What it wanted is withdrawn by the caller. */
  drop(job: Job): void {
    assert(this.jobs.delete(job.id), 'a job ends once');
  }
}
