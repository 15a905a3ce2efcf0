/**
 * One v2 worker as a pure state machine: one service, one conversation with one broker. No socket, file, thread or
 * clock: `handle(event, now)` returns what the shell is to do.
 *
 * Rules: every attempt of a living conversation is answered exactly once, by FINAL or ERROR. One task runs, the others
 * wait in order. Nothing is sent after a conversation ended. Of short tasks the answers wait for each other: to wake the
 * broker for each costs both more than the task.
 */
import { assert, type Fault, fail } from '../protocol/errors.js';
import { Liveness } from '../protocol/liveness.js';
import type { FromWorker, Invalid, TaskWork, ToWorker } from '../protocol/messages.js';
import type { PartFrames } from '../protocol/parts.js';
import type { WorkerCommand, WorkerEvent } from './events.js';
import { checkWorkerOptions, type WorkerCoreOptions } from './options.js';
import type { Assignment, Conversation, Thread } from './state.js';

/** So long may an answer wait for the next ones. */
const ripeMs = 20;

const nothingDone: TaskWork = { bytesRead: 0, ms: 0 };

export class WorkerCore {
  readonly #options: WorkerCoreOptions;
  #conversation: Conversation = { at: 'resting', until: Infinity };
  #thread: Thread = { at: 'free' };
  /** Tasks started so far; names the newest one. */
  #runs = 0;
  /** Conversations that ended before they had lasted an interval, in a row. */
  #failures = 0;
  /** Answers that wait for the next one, oldest first. Whatever else is sent goes behind them. */
  #ripe: (FromWorker & { readonly kind: 'taskFinal' })[] = [];
  #ripeUntil = Infinity;
  /** Filled by one `handle`, then returned. */
  #commands: WorkerCommand[] = [];

  constructor(options: WorkerCoreOptions) {
    checkWorkerOptions(options);
    this.#options = options;
  }

  /** What the worker does, in one word. */
  get state(): 'resting' | 'unregistered' | 'idle' | 'working' | 'stopped' {
    if (this.#conversation.at !== 'registered') return this.#conversation.at;
    return this.#thread.at === 'free' ? 'idle' : 'working';
  }

  /** The run that the thread is busy with; undefined: it is free. */
  get run(): number | undefined {
    return this.#thread.at === 'free' ? undefined : this.#thread.run;
  }

  handle(event: WorkerEvent, now: number): WorkerCommand[] {
    this.#dispatch(event, now);
    return this.#commands.splice(0);
  }

  nextDeadline(): number {
    return Math.min(this.#conversationDeadline(), this.#threadDeadline(), this.#ripeUntil);
  }

  validate(): void {
    const held = this.#held();
    const queue = this.#conversation.at === 'registered' ? this.#conversation.queue : [];
    assert(queue.length === 0 || this.#thread.at !== 'free', 'nothing waits for a free thread');
    assert(this.#thread.at !== 'busy' || this.#conversation.at === 'registered', 'nobody computes without a broker');
    assert(
      this.#thread.at !== 'aborting' || !this.#thread.assignment || this.#conversation.at === 'registered',
      'an answer has an asker',
    );
    assert(new Set(held.map(({ attempt }) => attempt)).size === held.length, 'an attempt is held once');
    assert(held.length <= this.#options.heldMax, 'no more attempts are held than heldMax');
    assert(this.#ripe.length === 0 || queue.length > 0, 'an answer waits only where the next one is on its way');
    assert(this.#ripe.length > 0 === this.#ripeUntil < Infinity, 'an answer waits for so long and no longer');
  }

  #dispatch(event: WorkerEvent, now: number): void {
    if (this.#conversation.at === 'stopped') return;
    switch (event.kind) {
      case 'started':
        this.#open(now);
        break;
      case 'received':
        this.#onReceived(event.message, now);
        break;
      case 'cancelPublished':
        this.#cancel((held) => held.jobId === event.jobId, now);
        break;
      case 'taskComputed':
      case 'taskFailed':
        this.#onEnded(event, now);
        break;
      case 'taskProgressed':
        this.#onProgress(event.run, event.bytesDone, now);
        break;
      case 'deadlineReached':
        this.#onDeadline(now);
        break;
      case 'stopRequested':
        this.#onStop(now);
        break;
      default:
        event satisfies never;
    }
    if (!isRoutine(event)) this.#sendRipe(now);
  }

  // --- the conversation

  #open(now: number): void {
    const { descriptor, slot, credit, heartbeatMs } = this.#options;
    this.#conversation = { at: 'unregistered', liveness: new Liveness(heartbeatMs, now), openedAt: now };
    this.#commands.push({ kind: 'openSocket' });
    this.#send({ kind: 'ready', descriptor, slot, credit }, now);
  }

  #onReceived(message: ToWorker | Invalid, now: number): void {
    const conversation = this.#conversation;
    if (conversation.at !== 'unregistered' && conversation.at !== 'registered') return;
    if (message.kind !== 'invalid') conversation.liveness.heard(now);
    switch (message.kind) {
      case 'welcome':
        // A second one is a sign of life.
        if (conversation.at === 'registered') break;
        this.#conversation = {
          at: 'registered',
          liveness: new Liveness(message.heartbeatMs, now),
          openedAt: conversation.openedAt,
          messageBytesMax: message.limits.messageBytesMax,
          queue: [],
        };
        this.#commands.push({ kind: 'subscribe', endpoint: message.cancelEndpoint });
        break;
      case 'assign':
        this.#onAssigned(message, now);
        break;
      case 'workerCancel':
        this.#cancel(
          (held) =>
            message.attempts.length > 0 ? message.attempts.includes(held.attempt) : held.jobId === message.jobId,
          now,
          message.waiting,
        );
        break;
      case 'workerHeartbeat':
        break;
      case 'workerDisconnect':
        this.#lose(now);
        break;
      case 'invalid':
        this.#leave(now);
        break;
      default:
        message satisfies never;
    }
  }

  #onAssigned({ attempt, epoch, jobId, task }: Assignment, now: number): void {
    const assignment = { attempt, epoch, jobId, task };
    const held = this.#held();
    if (this.#conversation.at !== 'registered' || held.some((other) => other.attempt === attempt)) {
      this.#leave(now);
    } else if (held.length >= this.#options.heldMax) {
      this.#answerError(assignment, { code: 'E_BUSY', message: `a worker holds ${held.length} attempts already` }, now);
    } else {
      this.#conversation.queue.push(assignment);
      this.#startNext(now);
    }
  }

  /** The broker does not follow the specification, or we do not want to go on: say so and begin anew. */
  #leave(now: number): void {
    this.#send({ kind: 'workerDisconnect' }, now);
    this.#lose(now);
  }

  /** The conversation is over, its work dropped. The next one begins at once, or later where they keep ending early. */
  #lose(now: number): void {
    const conversation = this.#conversation;
    assert(conversation.at === 'unregistered' || conversation.at === 'registered', 'only a conversation is lost');
    this.#dropRipe();
    const lasted = now - conversation.openedAt >= conversation.liveness.intervalMs;
    this.#failures = lasted ? 0 : this.#failures + 1;
    this.#dropWork(now);
    this.#commands.push({ kind: 'closeSocket' });
    const { reconnectMinMs, reconnectMaxMs } = this.#options;
    const restMs = this.#failures < 2 ? 0 : Math.min(reconnectMaxMs, reconnectMinMs * 2 ** (this.#failures - 2));
    if (restMs === 0) this.#open(now);
    else this.#conversation = { at: 'resting', until: now + restMs };
  }

  #onStop(now: number): void {
    const { at } = this.#conversation;
    this.#dropWork(now);
    if (at !== 'resting') {
      this.#send({ kind: 'workerDisconnect' }, now);
      this.#commands.push({ kind: 'closeSocket' });
    }
    this.#conversation = { at: 'stopped' };
  }

  #send(message: FromWorker, now: number): void {
    const conversation = this.#conversation;
    assert(conversation.at === 'unregistered' || conversation.at === 'registered', 'a message has a socket to go by');
    this.#sendRipe(now);
    conversation.liveness.spoke(now);
    this.#commands.push({ kind: 'send', message });
  }

  #sendRipe(now: number): void {
    if (this.#ripe.length === 0 || this.#conversation.at !== 'registered') return;
    this.#conversation.liveness.spoke(now);
    for (const message of this.#dropRipe()) this.#commands.push({ kind: 'send', message });
  }

  #dropRipe() {
    this.#ripeUntil = Infinity;
    return this.#ripe.splice(0);
  }

  #answerError({ attempt, epoch }: Assignment, fault: Fault, now: number, work = nothingDone): void {
    const service = this.#options.descriptor.name;
    this.#send({ kind: 'taskError', attempt, epoch, fault: { service, ...fault }, work }, now);
  }

  // --- the thread

  #held(): Assignment[] {
    const running = this.#thread.at === 'free' ? null : this.#thread.assignment;
    const queue = this.#conversation.at === 'registered' ? this.#conversation.queue : [];
    return running ? [running, ...queue] : [...queue];
  }

  #startNext(now: number): void {
    if (this.#conversation.at !== 'registered' || this.#thread.at !== 'free') return;
    const assignment = this.#conversation.queue.shift();
    if (!assignment) return;
    const run = ++this.#runs;
    this.#thread = { at: 'busy', run, assignment, bytesDone: 0, progressAt: now };
    this.#commands.push({ kind: 'startTask', run, task: assignment.task });
  }

  /** Results of replaced threads and of earlier runs fall through; one that overtook its cancellation is sent. */
  #onEnded(event: Extract<WorkerEvent, { kind: 'taskComputed' | 'taskFailed' }>, now: number): void {
    const thread = this.#thread;
    if (thread.at === 'free' || thread.run !== event.run) return;
    this.#thread = { at: 'free' };
    if (thread.assignment) {
      const { attempt, epoch } = thread.assignment;
      const fault = event.kind === 'taskFailed' ? event.fault : this.#tooLong(event.part);
      if (fault) this.#answerError(thread.assignment, fault, now, event.work);
      else if (event.kind === 'taskComputed') {
        const { part, work } = event;
        const message = { kind: 'taskFinal', attempt, epoch, part, work } as const;
        if (this.#isPatient(thread.assignment)) this.#ripen(message, now);
        else this.#send(message, now);
      }
    }
    this.#startNext(now);
  }

  /**
   * The answer is one of several, all of one job; who waits for it waits for those too, or a moment longer. The task that
   * runs while answers wait is not the last one, so that the broker can give more before there is nothing to do.
   */
  #isPatient({ jobId, task }: Assignment): boolean {
    if (this.#conversation.at !== 'registered' || task.kind !== 'exact') return false;
    const { queue } = this.#conversation;
    return queue.length >= 2 && queue.every((next) => next.jobId === jobId && next.task.kind === 'exact');
  }

  #ripen(message: FromWorker & { kind: 'taskFinal' }, now: number): void {
    this.#ripe.push(message);
    this.#ripeUntil = Math.min(this.#ripeUntil, now + ripeMs);
  }

  /** What the broker would not take is an error that it understands. */
  #tooLong({ frames }: PartFrames): Fault | undefined {
    const bytes = frames.reduce((sum, frame) => sum + frame.byteLength, 0);
    const bytesMax = this.#conversation.at === 'registered' ? this.#conversation.messageBytesMax : Infinity;
    if (bytes <= bytesMax) return undefined;
    return { code: 'E_CELLS', message: `a part of ${bytes} bytes is longer than the broker takes, ${bytesMax}` };
  }

  #onProgress(run: number, bytesDone: number, now: number): void {
    const thread = this.#thread;
    if (thread.at !== 'busy' || thread.run !== run || bytesDone <= thread.bytesDone) return;
    thread.bytesDone = bytesDone;
    thread.progressAt = now;
  }

  /** `waiting`: what runs goes on. */
  #cancel(isMeant: (held: Assignment) => boolean, now: number, waiting = false): void {
    if (this.#conversation.at !== 'registered') return;
    const { queue } = this.#conversation;
    this.#conversation.queue = queue.filter((held) => !isMeant(held));
    for (const held of queue.filter(isMeant)) this.#answerError(held, cancelled, now);
    if (!waiting && this.#thread.at === 'busy' && isMeant(this.#thread.assignment))
      this.#abort(this.#thread.assignment, now);
  }

  /** Everything of this conversation: nobody is left to answer. */
  #dropWork(now: number): void {
    if (this.#conversation.at === 'registered') this.#conversation.queue = [];
    if (this.#thread.at === 'busy') this.#abort(null, now);
    else if (this.#thread.at === 'aborting') this.#thread = { ...this.#thread, assignment: null };
  }

  #abort(assignment: Assignment | null, now: number): void {
    assert(this.#thread.at === 'busy', 'only what runs is aborted');
    const { run, bytesDone } = this.#thread;
    this.#thread = { at: 'aborting', run, assignment, bytesDone, until: now + this.#options.cancelGraceMs };
    this.#commands.push({ kind: 'abortTask', run });
  }

  #replaceThread(assignment: Assignment | null, fault: Fault, bytesDone: number, ms: number, now: number): void {
    assert(this.#thread.at !== 'free', 'only a busy thread is replaced');
    this.#commands.push({ kind: 'replaceThread', run: this.#thread.run });
    this.#thread = { at: 'free' };
    if (assignment) this.#answerError(assignment, fault, now, { bytesRead: bytesDone, ms });
    this.#startNext(now);
  }

  // --- time

  #conversationDeadline(): number {
    const conversation = this.#conversation;
    switch (conversation.at) {
      case 'resting':
        return conversation.until;
      case 'unregistered':
      case 'registered':
        return conversation.liveness.deadline();
      case 'stopped':
        return Infinity;
      default:
        return conversation satisfies never;
    }
  }

  #threadDeadline(): number {
    const thread = this.#thread;
    if (thread.at === 'free' || this.#conversation.at === 'stopped') return Infinity;
    return thread.at === 'busy' ? thread.progressAt + this.#options.taskStallMs : thread.until;
  }

  #onDeadline(now: number): void {
    if (now >= this.#threadDeadline()) this.#onThreadLate(now);
    const conversation = this.#conversation;
    if (conversation.at === 'resting') {
      if (now >= conversation.until) this.#open(now);
    } else if (conversation.at !== 'stopped') {
      if (conversation.liveness.isLate(now)) this.#lose(now);
      else if (conversation.liveness.beatIsDue(now)) this.#beat(now);
    }
  }

  #onThreadLate(now: number): void {
    const thread = this.#thread;
    if (thread.at === 'busy') {
      const ms = this.#options.taskStallMs;
      const { name } = this.#options.descriptor;
      const message = `${name} made no progress for ${ms / 1000} s after ${thread.bytesDone} bytes; its loops are to call task.check()`;
      this.#replaceThread(thread.assignment, { code: 'E_STALLED', message }, thread.bytesDone, ms, now);
    } else if (thread.at === 'aborting') {
      this.#replaceThread(thread.assignment, cancelled, thread.bytesDone, this.#options.cancelGraceMs, now);
    }
  }

  #beat(now: number): void {
    const thread = this.#thread;
    const { attempt } = (thread.at !== 'free' && thread.assignment) || {};
    if (thread.at === 'free' || attempt === undefined) this.#send({ kind: 'workerHeartbeat' }, now);
    else this.#send({ kind: 'workerHeartbeat', attempt, bytesDone: thread.bytesDone }, now);
  }
}

/** One task after the other; with anything else somebody may wait for an answer. */
function isRoutine(event: WorkerEvent): boolean {
  return event.kind === 'taskComputed' || (event.kind === 'received' && event.message.kind === 'assign');
}

const cancelled: Fault = fail('E_CANCELLED', 'the task was cancelled').toFault();
