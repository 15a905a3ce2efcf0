/** Who plays: a client, a worker and a plain RFC 18 worker, each with its real core (the plain one has none). */
import { ClientCore } from '../../../client/core.js';
import type { Ask, ClientCommand, ClientEvent } from '../../../client/events.js';
import {
  assert,
  type ClientId,
  type FromPlainWorker,
  fail,
  jobIdOf,
  type PeerId,
  type RequestId,
  type SlotId,
  type Task,
  type ToPlainWorker,
} from '../../../protocol/index.js';
import { WorkerCore } from '../../../workers/core.js';
import type { WorkerCommand, WorkerEvent } from '../../../workers/events.js';
import { workerDefaults } from '../../../workers/options.js';
import type { AnyWorker } from '../../../workers/service.js';
import { computePart } from '../../sim/compute.js';
import { textOf } from '../../sim/files.js';
import type { Actor, Stage } from './stage.js';

type Received<E extends { kind: string }, K> = Extract<E, { kind: K; message: unknown }>['message'];

export class ClientActor implements Actor {
  peer: PeerId | undefined;
  readonly #core: ClientCore;
  readonly #clientId: ClientId;
  #requests = 0;
  #last: { readonly ask: Ask } | undefined;

  constructor(
    readonly stage: Stage,
    readonly name: string,
  ) {
    this.#clientId = `${name.replace(/[^a-z]/g, '')}${name.replace(/[^1-7]/g, '').replace('1', 'a')}`.padEnd(
      26,
      'z',
    ) as ClientId;
    this.#core = new ClientCore({
      clientId: this.#clientId,
      endpoint: 'broker',
      connectMs: 1500,
      brokerLostMs: 60_000,
    });
    this.#feed({ kind: 'started' });
  }

  request(ask: Ask): void {
    const requestId = ++this.#requests as RequestId;
    this.#last = { ask };
    this.stage.words.set(jobIdOf(this.#clientId, requestId), `${this.name}.${requestId}`);
    this.#feed({ kind: 'requested', requestId, ask });
  }

  /** As a client does that is not sure that its last request arrived. */
  again(): void {
    const { ask } = this.#last!;
    const requestId = this.#requests as RequestId;
    if (ask.kind === 'query') this.stage.post(this, { kind: 'request', requestId, query: ask.query });
    else this.stage.post(this, { kind: 'rawRequest', requestId, service: ask.service, body: ask.body });
  }

  cancel(jobId: string): void {
    this.#feed({ kind: 'cancelled', jobId });
  }

  socketLost(): void {
    this.#feed({ kind: 'socketLost' });
  }

  receive(message: unknown): void {
    this.#feed({ kind: 'messageReceived', message: message as Received<ClientEvent, 'messageReceived'> });
  }

  cancelPublished(): void {}

  nextDeadline(): number {
    return this.#core.nextDeadline();
  }
  deadlineReached(): void {
    this.#feed({ kind: 'deadlineReached' });
  }

  #feed(event: ClientEvent): void {
    for (const command of this.#core.handle(event, this.stage.now)) this.#perform(command);
    this.#core.validate();
  }

  #perform(command: ClientCommand): void {
    const { stage, name } = this;
    switch (command.kind) {
      case 'reopenSocket':
        return stage.connect(this);
      case 'send':
        return stage.post(this, command.message);
      case 'settleConnect':
      case 'deliverReport':
      case 'deliverRaw':
        return;
      case 'failConnect':
        return stage.say(`${name}: no broker, ${command.fault.code}`);
      case 'resolveFinal':
      case 'resolveRaw':
        return stage.say(`${name}: request ${command.requestId} is answered`);
      case 'rejectJob':
        return stage.say(`${name}: request ${command.requestId} ended, ${command.fault.code}`);
      case 'resolveCancel':
        return stage.say(`${name}: cancel of ${command.jobId}: ${command.outcome}`);
      case 'rejectCancel':
        return stage.say(`${name}: cancel of ${command.jobId}: ${command.fault.code}`);
      default:
        command satisfies never;
    }
  }
}

/** A kernel computes when the script says so, and stops when it is asked to, unless it is deaf. */
export class WorkerActor implements Actor {
  peer: PeerId | undefined;
  isDeaf = false;
  readonly #core: WorkerCore;
  #running: { readonly run: number; readonly task: Task } | undefined;

  constructor(
    readonly stage: Stage,
    readonly name: string,
    readonly service: AnyWorker,
    options: { readonly slot: string; readonly credit: number },
  ) {
    const { descriptor } = service;
    this.#core = new WorkerCore({
      ...workerDefaults,
      descriptor,
      slot: options.slot as SlotId,
      credit: options.credit,
    });
    this.#feed({ kind: 'started' });
  }

  /** The task that runs is computed from the files as they are. */
  finish(): void {
    if (!this.#running) return this.stage.say(`${this.name} has nothing to compute`);
    const { run, task } = this.#running;
    this.#running = undefined;
    const { files } = this.stage;
    const states = task.inputs.map(({ path }) => files.get(textOf(path))!);
    const bytes = task.runs.reduce((sum, [start, end]) => sum + end - start, 0);
    const work = { bytesRead: bytes, ms: bytes / 2 ** 18 };
    if (task.inputs.some(({ identity }, i) => identity.mtimeNs !== states[i]!.identity.mtimeNs)) {
      const fault = fail('E_CHANGED', `${textOf(task.inputs[0]!.path)} changed while it was read`).toFault();
      return this.#feed({ kind: 'taskFailed', run, fault, work });
    }
    const part = computePart(
      this.service,
      task,
      states.map((state) => state.bytes),
      2 ** 20,
    );
    this.#feed({ kind: 'taskComputed', run, part, work });
  }

  receive(message: unknown): void {
    this.#feed({ kind: 'received', message: message as Received<WorkerEvent, 'received'> });
  }

  cancelPublished(jobId: string): void {
    this.#feed({ kind: 'cancelPublished', jobId });
  }

  nextDeadline(): number {
    return this.#core.nextDeadline();
  }
  deadlineReached(): void {
    this.#feed({ kind: 'deadlineReached' });
  }

  #feed(event: WorkerEvent): void {
    for (const command of this.#core.handle(event, this.stage.now)) this.#perform(command);
    this.#core.validate();
  }

  #perform(command: WorkerCommand): void {
    const { stage, name } = this;
    switch (command.kind) {
      case 'openSocket':
        return stage.connect(this);
      case 'closeSocket':
        this.peer = undefined;
        return;
      case 'send':
        return stage.post(this, command.message);
      case 'subscribe':
        return;
      case 'startTask':
        assert(command.task.kind !== 'finish', 'the services on stage have no finish');
        this.#running = { run: command.run, task: command.task };
        return;
      case 'abortTask':
        stage.say(`${name}: its kernel is asked to stop${this.isDeaf ? ', and does not listen' : ''}`);
        if (this.isDeaf) return;
        this.#running = undefined;
        return this.#feed({
          kind: 'taskFailed',
          run: command.run,
          fault: fail('E_CANCELLED', 'the task was cancelled').toFault(),
          work: { bytesRead: 0, ms: 0 },
        });
      case 'replaceThread':
        this.#running = undefined;
        return stage.say(`${name}: its thread is ended and replaced`);
      default:
        command satisfies never;
    }
  }
}

export class PlainWorkerActor implements Actor {
  peer: PeerId | undefined;
  #beatAt = 0;
  #task: { readonly address: Uint8Array; readonly body: readonly Uint8Array[] } | undefined;

  constructor(
    readonly stage: Stage,
    readonly name: string,
    readonly service: string,
  ) {
    stage.connect(this);
    this.#say({ kind: 'plainReady', service });
  }

  /** Echoes what it was given. */
  finish(): void {
    if (!this.#task) return this.stage.say(`${this.name} has nothing to compute`);
    const { address, body } = this.#task;
    this.#task = undefined;
    this.#say({ kind: 'plainFinal', address, body });
  }

  receive(message: unknown): void {
    const told = message as ToPlainWorker;
    if (told.kind === 'plainAssign') this.#task = told;
    if (told.kind !== 'plainDisconnect') return;
    this.stage.connect(this);
    this.#say({ kind: 'plainReady', service: this.service });
  }

  cancelPublished(): void {}

  nextDeadline(): number {
    return this.#beatAt;
  }
  deadlineReached(): void {
    this.#say({ kind: 'plainHeartbeat' });
  }

  #say(message: FromPlainWorker): void {
    this.#beatAt = this.stage.now + 1000;
    this.stage.post(this, message);
  }
}
