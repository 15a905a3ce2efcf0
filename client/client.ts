/**
 * A client: the shell around ClientCore. It translates frames to events, performs commands, keeps the one timer, and
 * holds the jobs for their callers. It decides nothing about the conversation.
 */
import { randomBytes } from 'node:crypto';
import {
  BinglideError,
  clientIdOf,
  decodeToClient,
  encodeFromClient,
  type Fault,
  fail,
  type JobId,
  jobIdOf,
  type RequestId,
} from '../protocol/index.js';
import { createLog } from '../protocol/log.js';
import { ClientCore } from './core.js';
import { findBroker } from './endpoint.js';
import type { CancelOutcome, ClientCommand, ClientEvent } from './events.js';
import type { FieldsOf } from './fields.js';
import { BodyJob, type Job, type JobOwner, type RawJob, ReportJob } from './job.js';
import { Link } from './link.js';
import { type JobEntry, jobEntries, jobsService, type ServiceList, serviceList, servicesService } from './mmi.js';
import {
  type ConnectOptions,
  checkBody,
  checkConnectOptions,
  checkEndpoint,
  checkJobId,
  checkService,
  queryOf,
  type RequestOptions,
} from './options.js';
import { type PrivateBroker, startPrivateBroker } from './private.js';

const log = createLog('binglide:client');
const clientIdBytes = 16;
/** How long `close` waits for its DISCONNECT to be handed over. */
const flushMs = 200;
const timerMsMax = 2 ** 31 - 1;

interface CancelWaiter {
  resolve(outcome: CancelOutcome): void;
  reject(error: BinglideError): void;
}

/**
 * Finds a broker, or starts one that ends with this process, and says HELLO to it. Rejects with E_NO_BROKER where
 * nobody answers within `connectMs`.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const times = checkConnectOptions(options);
  const place = await findBroker(options.endpoint);
  if (place.kind !== 'nowhere') {
    try {
      return await Client.open(checkEndpoint(place.endpoint), times);
    } catch (error) {
      if (place.kind === 'given') throw error;
      log('the daemon at %s does not answer: %s', place.endpoint, error);
    }
  }
  const broker = await startPrivateBroker();
  return Client.open(broker.endpoint, times, broker);
}

export class Client implements JobOwner, AsyncDisposable {
  readonly endpoint: string;
  readonly #clientId = clientIdOf(randomBytes(clientIdBytes));
  readonly #core: ClientCore;
  readonly #link: Link;
  readonly #broker: PrivateBroker | undefined;
  readonly #jobs = new Map<RequestId, ReportJob<unknown> | BodyJob>();
  readonly #cancels = new Map<string, CancelWaiter[]>();
  /** Events that came while commands were performed. */
  readonly #events: ClientEvent[] = [];
  #performing = false;
  /** A socket took the endpoint once. */
  #opened = false;
  #requests = 0;
  #connecting: { resolve(): void; reject(error: BinglideError): void } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;

  /** Use `connect`. */
  static async open(
    endpoint: string,
    times: { readonly connectMs: number; readonly brokerLostMs: number },
    broker?: PrivateBroker,
  ): Promise<Client> {
    const client = new Client(endpoint, times, broker);
    try {
      await new Promise<void>((resolve, reject) => {
        client.#connecting = { resolve, reject };
        client.#handle({ kind: 'started' });
      });
      return client;
    } catch (error) {
      await client.close();
      if (error instanceof BinglideError) throw error;
      throw fail('E_USAGE', `${endpoint} is no endpoint: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private constructor(
    endpoint: string,
    times: { readonly connectMs: number; readonly brokerLostMs: number },
    broker: PrivateBroker | undefined,
  ) {
    this.endpoint = endpoint;
    this.#core = new ClientCore({ clientId: this.#clientId, endpoint, ...times });
    this.#link = new Link(endpoint, {
      received: (frames) => this.#handle({ kind: 'messageReceived', message: decodeToClient(frames) }),
      lost: () => this.#handle({ kind: 'socketLost' }),
    });
    this.#broker = broker;
    void broker?.ended.then((reason) => this.#handle({ kind: 'brokerEnded', reason }));
  }

  /**
   * Asks a service about one file or two. Returns at once; throws E_USAGE for what makes no sense. Everything else
   * that goes wrong ends the job with a BinglideError.
   */
  request<Service extends string>(options: RequestOptions<Service>): Job<FieldsOf<Service>> {
    this.#checkOpen();
    const query = queryOf(options, process.cwd());
    const { signal } = options;
    const requestId = ++this.#requests as RequestId;
    const abort = () => void job.cancel();
    const job = new ReportJob<FieldsOf<Service>>(jobIdOf(this.#clientId, requestId), this, () => {
      this.#jobs.delete(requestId);
      signal?.removeEventListener('abort', abort);
    });
    if (signal?.aborted) {
      const message = `${query.service} was cancelled before it was asked`;
      job.reject({ code: 'E_CANCELLED', message, jobId: job.id, service: query.service }, true);
      return job;
    }
    signal?.addEventListener('abort', abort);
    this.#jobs.set(requestId, job as ReportJob<unknown>);
    this.#handle({ kind: 'requested', requestId, ask: { kind: 'query', query } });
    return job;
  }

  /** Asks a service without descriptor, or `mmi.…`: the frames go to one worker and its answers come back as they are. */
  raw(service: string, body: readonly Uint8Array[] = []): RawJob {
    this.#checkOpen();
    checkService(service);
    checkBody(body);
    const requestId = ++this.#requests as RequestId;
    const job = new BodyJob(jobIdOf(this.#clientId, requestId), this, () => this.#jobs.delete(requestId));
    this.#jobs.set(requestId, job);
    // Copies: ZeroMQ and a later re-issue read them while the caller may already write to its own.
    const copies = body.map((frame) => new Uint8Array(frame));
    this.#handle({ kind: 'requested', requestId, ask: { kind: 'raw', service, body: copies } });
    return job;
  }

  /** What the broker serves, and its slots. */
  async services(): Promise<ServiceList> {
    return serviceList(await this.raw(servicesService).final());
  }

  /** The jobs under way, everybody's. */
  async jobs(): Promise<JobEntry[]> {
    return jobEntries(await this.raw(jobsService).final());
  }

  /**
   * Ends any job, whoever asked for it: `cancelled` where it was under way, `ended` where it had ended, `unknown`
   * where the broker knows nothing of it.
   */
  async cancel(jobId: string): Promise<CancelOutcome> {
    this.#checkOpen();
    return this.#cancel(checkJobId(jobId));
  }

  /** For jobs of our own; `job.cancel()` is the door. */
  async cancelJob(id: JobId): Promise<void> {
    await this.#cancel(id).catch((error: unknown) => log('cancelling %s: %s', id, error));
  }

  /** Tells the broker, ends what is under way (loops quietly, `final()` with E_CANCELLED) and lets go of everything. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#handle({ kind: 'closed' });
    clearTimeout(this.#timer);
    await this.#link.close(flushMs);
    this.#broker?.stop();
  }

  #checkOpen(): void {
    if (this.#closed) throw fail('E_USAGE', 'the client is closed');
  }

  #cancel(jobId: string): Promise<CancelOutcome> {
    return new Promise((resolve, reject) => {
      const waiters = this.#cancels.get(jobId);
      if (waiters) waiters.push({ resolve, reject });
      else this.#cancels.set(jobId, [{ resolve, reject }]);
      this.#handle({ kind: 'cancelled', jobId });
    });
  }

  // The core and its commands

  #handle(event: ClientEvent): void {
    this.#events.push(event);
    if (this.#performing) return;
    this.#performing = true;
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) {
        for (const command of this.#core.handle(next, performance.now())) this.#perform(command);
      }
    } finally {
      this.#performing = false;
    }
    this.#arm();
  }

  #perform(command: ClientCommand): void {
    switch (command.kind) {
      case 'reopenSocket':
        this.#reopen();
        break;
      case 'send':
        this.#link.send(encodeFromClient(command.message));
        break;
      case 'settleConnect':
        this.#connecting?.resolve();
        break;
      case 'failConnect':
        this.#connecting?.reject(new BinglideError(command.fault));
        break;
      case 'deliverReport':
        this.#reportJob(command.requestId)?.deliver(command.report);
        break;
      case 'resolveFinal':
        this.#reportJob(command.requestId)?.resolve(command.report);
        break;
      case 'deliverRaw':
        this.#bodyJob(command.requestId)?.deliver(command.body);
        break;
      case 'resolveRaw':
        this.#bodyJob(command.requestId)?.resolve(command.body);
        break;
      case 'rejectJob':
        this.#jobs.get(command.requestId)?.reject(command.fault, command.byOwner);
        break;
      case 'resolveCancel':
        for (const waiter of this.#cancelWaiters(command.jobId)) waiter.resolve(command.outcome);
        break;
      case 'rejectCancel':
        this.#rejectCancel(command.jobId, command.fault);
        break;
      default:
        command satisfies never;
    }
  }

  #reopen(): void {
    log('opening a socket to %s', this.endpoint);
    try {
      this.#link.open();
    } catch (error) {
      // At first it is the endpoint; later, something that may pass, such as too many open files.
      if (!this.#opened) throw error;
      log('no socket: %s', error);
      this.#events.push({ kind: 'socketLost' });
    }
    this.#opened = true;
  }

  #reportJob(requestId: RequestId): ReportJob<unknown> | undefined {
    const job = this.#jobs.get(requestId);
    return job instanceof ReportJob ? job : undefined;
  }

  #bodyJob(requestId: RequestId): BodyJob | undefined {
    const job = this.#jobs.get(requestId);
    return job instanceof BodyJob ? job : undefined;
  }

  #cancelWaiters(jobId: string): CancelWaiter[] {
    const waiters = this.#cancels.get(jobId) ?? [];
    this.#cancels.delete(jobId);
    return waiters;
  }

  #rejectCancel(jobId: string, fault: Fault): void {
    for (const waiter of this.#cancelWaiters(jobId)) waiter.reject(new BinglideError(fault));
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const at = this.#core.nextDeadline();
    if (at === Infinity) return;
    const inMs = Math.min(Math.max(0, at - performance.now()), timerMsMax);
    // What waits in the socket is read before the deadline is acted upon: a broker is not late because we were busy.
    this.#timer = setTimeout(() => setImmediate(() => this.#handle({ kind: 'deadlineReached' })), inMs);
  }
}
