/**
 * A broker's core in a story: events go in, and what it asks of its shell comes out as lines, one a command, so that a
 * spec can compare all of them at once. Every state owner is validated after every event.
 *
 * Clients are named by a letter: client `a` has the id aaaa… and its first job is `a1`. Peers are named freely.
 */

import { BrokerCore, type BrokerEvent, type MeasuredInput } from '../../broker/index.js';
import type { BrokerOptions } from '../../broker/options.js';
import {
  type Attempt,
  type ClientId,
  cellBounds,
  cellCount,
  type Descriptor,
  type Epoch,
  encodePart,
  type Fault,
  type FinishTask,
  fieldsOf,
  identityOf,
  indexOf,
  indexWidth,
  type JobId,
  type Part,
  type PeerId,
  type Query,
  type Report,
  type RequestId,
  type SlotId,
  sampleFields,
  type Task,
  type ToBroker,
  type ToWorker,
  wholeRange,
} from '../../protocol/index.js';
import { builtinDescriptors } from '../../workers/services/index.js';
import { commandLine, shortId } from './lines.js';

export const [hist, ent, diff] = builtinDescriptors as [Descriptor, Descriptor, Descriptor];
export const KiB = 1024;
export const MiB = 2 ** 20;
export const heartbeatMs = 1000;

export const clientIdOf = (letter: string) => letter.repeat(26) as ClientId;
export const jobIdOf = (job: string) => `26:${clientIdOf(job[0]!)}${job.slice(1)}` as JobId;

export const query = (service: string, more: Partial<Query> = {}): Query => ({
  service,
  inputs: [[{ path: Buffer.from('/f'), offset: 0, length: null }]],
  range: wholeRange,
  cells: 1024,
  snap: false,
  params: {},
  cache: true,
  ...more,
});

export function measuredInput(
  size: number,
  { path = '/f', hash = 'f0'.repeat(32) as string | null } = {},
): MeasuredInput {
  const identity = { dev: '1', ino: path, size, mtimeNs: '0', ctimeNs: '0' };
  const bytes = Buffer.from(path);
  return { path: bytes, realPath: bytes, identity, size, id: `~${bytes.toString('hex')}`, young: false, hash };
}

/** A part of HIST over bytes that are all zero. */
export function zeros(start: number, end: number): Part {
  const counts = new Float64Array(256);
  counts[0] = end - start;
  return { start, end, cellBytes: 0, columns: { counts } };
}

/** A task's answer over a file of zeros, for any service whose only whole number of them is `counts`. */
export function zeroPart(
  descriptor: Descriptor,
  { kind, runs, cellBytes }: Pick<Task, 'kind' | 'runs' | 'cellBytes'>,
): Part {
  const span = { start: runs[0]![0], end: runs.at(-1)![1], cellBytes };
  const rows = cellCount(span);
  const bytes = new Float64Array(rows);
  for (const [from, to] of runs) {
    for (let i = 0; i < rows; i++) {
      const [start, end] = cellBounds(span, i);
      bytes[i]! += Math.max(0, Math.min(to, end) - Math.max(from, start));
    }
  }
  const columns: { [name: string]: Float64Array } = {};
  for (const field of fieldsOf(descriptor, 'summed')) {
    if (field.merge === 'concat') {
      columns[field.name] = new Float64Array(0);
      columns[indexOf(field)] = new Float64Array(rows * indexWidth);
      continue;
    }
    if (field.merge === 'run') {
      columns[field.name] = Float64Array.from(
        Array.from({ length: rows }, (_, i) => [cellBounds(span, i)[0], bytes[i]!, 0, 0, 0, 0]).flat(),
      );
      continue;
    }
    const width = field.shape?.reduce<number>((n, dim) => n * Number(dim), 1) ?? 1;
    const count = field.cells ? rows : 1;
    const column = new Float64Array(count * width).fill(identityOf(field));
    if (field.name === 'counts') for (let i = 0; i < count; i++) column[i * width] = bytes[i]!;
    columns[field.name] = column;
  }
  const unknown = () => new Float64Array(rows).fill(NaN);
  return { ...span, columns: { ...columns, ...(kind === 'sample' && { n: bytes, lo: unknown(), hi: unknown() }) } };
}

/** A task as a worker was given it. */
export interface Given {
  readonly attempt: Attempt;
  readonly job: string;
  readonly task: Task;
}

type Assign = Extract<ToWorker, { kind: 'assign' }>;

export class Story {
  /** What each worker holds, oldest first. */
  readonly given = new Map<string, Given[]>();
  /** The finish task that each worker was given last. */
  readonly finishes = new Map<string, { readonly attempt: Attempt; readonly task: FinishTask }>();
  readonly #services = new Map<string, Descriptor>();
  readonly core: BrokerCore;
  readonly epoch: Epoch;
  now = 0;
  /** The last report of each job, partial or final. */
  readonly reports: Report[] = [];

  constructor(options: Partial<BrokerOptions> = {}, { startable = [] as Descriptor[], epoch = 'life1' } = {}) {
    this.epoch = epoch as Epoch;
    // Samples are a story of their own.
    const all = { sampleAboveMs: Infinity, ...options };
    this.core = new BrokerCore({ options: all, epoch: this.epoch, cancelEndpoint: 'ipc:///cancel', startable }, 0);
  }

  handle(event: BrokerEvent): string[] {
    const commands = this.core.handle(event, this.now);
    this.core.validate();
    for (const command of commands) {
      if (command.kind === 'sendToWorker' && command.message.kind === 'assign')
        this.#give(command.peer, command.message);
    }
    return commands.map((command) => commandLine(command, (report) => this.reports.push(structuredClone(report))));
  }

  says(peer: string, message: ToBroker): string[] {
    return this.handle({ kind: 'messageReceived', peer: peer as PeerId, message });
  }

  /** Time goes on; the shell's timer fires as often as it is asked to. Beats and ticks are left out. */
  passes(ms: number): string[] {
    return this.passesWithBeats(ms).filter((line) => !/heartbeat$|^tick$/.test(line));
  }

  passesWithBeats(ms: number): string[] {
    const until = this.now + ms;
    const lines: string[] = [];
    for (let at = this.core.nextDeadline(); at <= until; at = this.core.nextDeadline()) {
      this.now = Math.max(this.now, at);
      lines.push(...this.handle({ kind: 'deadlineReached' }));
    }
    this.now = until;
    return lines;
  }

  // Clients

  hello(letter: string, peer = `${letter}.c`): string[] {
    return this.says(peer, { kind: 'hello', clientId: clientIdOf(letter) });
  }

  asks(job: string, service = 'HIST', more: Partial<Query> = {}, peer = `${job[0]}.c`): string[] {
    const requestId = Number(job.slice(1)) as RequestId;
    return this.says(peer, { kind: 'request', requestId, query: query(service, more) });
  }

  asksRaw(job: string, service: string, body: string, peer = `${job[0]}.c`): string[] {
    const requestId = Number(job.slice(1)) as RequestId;
    return this.says(peer, { kind: 'rawRequest', requestId, service, body: [Buffer.from(body)] });
  }

  asksPlain(peer: string, service: string, body: string | Uint8Array): string[] {
    return this.says(peer, { kind: 'plainRequest', service, body: [Buffer.from(body)] });
  }

  cancels(letter: string, job: string, peer = `${letter}.c`): string[] {
    return this.says(peer, { kind: 'clientCancel', jobId: jobIdOf(job) });
  }

  // What the shell answers

  measured(job: string, inputs: number | readonly MeasuredInput[], cached: [number, number][] = []): string[] {
    return this.measuredFor(jobIdOf(job), inputs, cached);
  }

  measuredFor(jobId: JobId, inputs: number | readonly MeasuredInput[], cached: [number, number][] = []): string[] {
    return this.handle({
      kind: 'inputsMeasured',
      jobId,
      inputs: typeof inputs === 'number' ? [measuredInput(inputs)] : inputs,
      cached: cached.map(([start, end]) => ({ start, end })),
      bytesHashed: 0,
    });
  }

  /** The report that was asked for with sendReport is built. */
  builds(job: string): Report | undefined {
    const built = this.core.report(jobIdOf(job), this.now)?.report;
    return built && structuredClone(built);
  }

  // Workers

  ready(peer: string, descriptor = hist, { slot = `slot.${peer}`, credit = 1 } = {}): string[] {
    this.#services.set(peer, descriptor);
    this.given.set(peer, []);
    return this.says(peer, { kind: 'ready', descriptor, slot: slot as SlotId, credit });
  }

  /** The worker answers the oldest task that it holds, as of a file of zeros; `isHole`: it read nothing for it. */
  completes(peer: string, ms = 1, seekMs?: number, { isHole = false } = {}): string[] {
    const { attempt, task } = this.given.get(peer)!.shift()!;
    const descriptor = this.#services.get(peer)!;
    const fields = [...fieldsOf(descriptor, 'summed'), ...(task.kind === 'sample' ? sampleFields : [])];
    const bytesRead = isHole ? 0 : task.runs.reduce((sum, [start, end]) => sum + end - start, 0);
    return this.says(peer, {
      kind: 'taskFinal',
      attempt,
      epoch: this.epoch,
      part: encodePart(fields, zeroPart(descriptor, task)),
      work: { bytesRead, ms, ...(seekMs !== undefined && { seekMs }) },
    });
  }

  answers(peer: string, attempt: number, part: Part, { epoch = this.epoch, ms = 1, descriptor = hist } = {}): string[] {
    return this.says(peer, {
      kind: 'taskFinal',
      attempt: attempt as Attempt,
      epoch,
      part: encodePart(fieldsOf(descriptor, 'summed'), part),
      work: { bytesRead: part.end - part.start, ms },
    });
  }

  fails(peer: string, attempt: number, fault: Fault, epoch = this.epoch): string[] {
    return this.says(peer, {
      kind: 'taskError',
      attempt: attempt as Attempt,
      epoch,
      fault,
      work: { bytesRead: 0, ms: 1 },
    });
  }

  beats(peer: string, attempt?: number, bytesDone = 0): string[] {
    return this.says(peer, {
      kind: 'workerHeartbeat',
      ...(attempt !== undefined && { attempt: attempt as Attempt, bytesDone }),
    });
  }

  goes(peer: string): string[] {
    return this.handle({ kind: 'peerGone', peer: peer as PeerId });
  }

  /** A client that is welcome and a worker of HIST that is ready. */
  static open(options: Partial<BrokerOptions> = {}, workers: readonly string[] = ['w1'], clients = ['a']): Story {
    const story = new Story(options);
    for (const peer of workers) story.ready(peer);
    for (const letter of clients) story.hello(letter);
    return story;
  }

  #give(peer: string, { attempt, jobId, task }: Assign): void {
    if (task.kind === 'finish') {
      this.finishes.set(peer, { attempt, task });
      return;
    }
    const held = this.given.get(peer) ?? [];
    this.given.set(peer, [...held, { attempt, job: shortId(jobId), task }]);
  }

  /** A running job of client a whose only task is on w1: 100,000 bytes of HIST, one chunk, one slice. */
  static oneTask(options: Partial<BrokerOptions> = {}, workers: readonly string[] = ['w1']): Story {
    const story = Story.open(options, workers);
    story.asks('a1');
    story.measured('a1', 100_000);
    return story;
  }
}
