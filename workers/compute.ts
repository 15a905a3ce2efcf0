/**
 * The compute thread: gets tasks one at a time, answers each with its part or its fault. Holds no socket and no state
 * between tasks; the main thread may end it at any moment.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { Hole } from '../cache/holes.js';
import type { Descriptor } from '../protocol/descriptor.js';
import { assert, type Fault, fail, isBinglideError } from '../protocol/errors.js';
import type { FinishTask, Task, TaskWork } from '../protocol/messages.js';
import type { PartFrames } from '../protocol/parts.js';
import { runTask, TaskFailure } from './engine.js';
import { runFinish } from './finish.js';
import { Flags } from './flags.js';
import { collect } from './registry.js';
import type { AnyWorker } from './service.js';
import { builtinServices } from './services/index.js';
import { type FindHoles, resolveRoots } from './source.js';
import { warmUp } from './warmup.js';

export interface ComputeData {
  readonly flags: SharedArrayBuffer;
  /** Folders that files may be opened in. */
  readonly roots: readonly string[];
  /** File URLs of modules that serve; the built-in services are always there. */
  readonly modules: readonly string[];
}

export type ToCompute =
  | { readonly kind: 'run'; readonly id: number; readonly service: string; readonly task: Task | FinishTask }
  /** For asynchronous services, which let this message in; others see the flag. */
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'holes'; readonly ask: number; readonly holes: readonly Hole[] };

export type FromCompute =
  /** Everything is loaded: the first task will take no longer than others. */
  | { readonly kind: 'loaded'; readonly descriptors: readonly Descriptor[] }
  /** Some module does not load or serves nothing; the thread ends. */
  | { readonly kind: 'unloadable'; readonly fault: Fault }
  /** Of an open file of this thread: the other one answers with those in [start, end). */
  | {
      readonly kind: 'holesWanted';
      readonly ask: number;
      readonly fd: number;
      readonly start: number;
      readonly end: number;
    }
  | { readonly kind: 'computed'; readonly id: number; readonly part: PartFrames; readonly work: TaskWork }
  | { readonly kind: 'failed'; readonly id: number; readonly fault: Fault; readonly work: TaskWork };

/** So long nothing must have been asked before a thread practises: whoever starts a slot for one request asks at once. */
const restMs = 300;

type TaskAnswer = Extract<FromCompute, { readonly id: number }>;

async function main(data: ComputeData): Promise<void> {
  const port = parentPort;
  assert(port, 'compute.js runs in a thread');
  const flags = new Flags(data.flags);
  const roots = resolveRoots(data.roots);
  const services = new Map<string, AnyWorker>();
  let running: { readonly id: number; readonly controller: AbortController } | null = null;

  const asks = new Map<number, (holes: readonly Hole[]) => void>();
  let lastAsk = 0;
  const findHoles: FindHoles = (fd, start, end) =>
    new Promise((resolve) => {
      const ask = ++lastAsk;
      asks.set(ask, resolve);
      port.postMessage({ kind: 'holesWanted', ask, fd, start, end } satisfies FromCompute);
    });

  const run = async (id: number, name: string, task: Task | FinishTask): Promise<TaskAnswer> => {
    const controller = new AbortController();
    running = { id, controller };
    flags.progressed(id, 0);
    try {
      const service = services.get(name);
      if (!service) throw new TaskFailure(fail('E_NO_SERVICE', `no service ${name} here`), { bytesRead: 0, ms: 0 });
      if (task.kind === 'finish') return { kind: 'computed', id, ...runFinish(service, task) };
      const result = await runTask(service, task, {
        roots,
        signal: controller.signal,
        isCancelled: () => flags.isCancelled(id),
        progressed: (bytesDone) => flags.progressed(id, bytesDone),
        findHoles,
      });
      return { kind: 'computed', id, ...result };
    } catch (error) {
      if (!(error instanceof TaskFailure)) throw error;
      return { kind: 'failed', id, fault: error.error.toFault(), work: error.work };
    } finally {
      running = null;
    }
  };

  const descriptors: Descriptor[] = [];
  const know = (service: AnyWorker) => {
    services.set(service.descriptor.name, service);
    descriptors.push(service.descriptor);
  };
  builtinServices.forEach(know);
  try {
    for (const url of data.modules) (await collect(url)).forEach(know);
  } catch (error) {
    const known = isBinglideError(error) ? error : fail('E_IO', error instanceof Error ? error.message : String(error));
    port.postMessage({ kind: 'unloadable', fault: known.toFault() } satisfies FromCompute);
    return;
  }
  port.postMessage({ kind: 'loaded', descriptors } satisfies FromCompute);
  let isAsked = false;
  let practice: Promise<void> | undefined;
  setTimeout(() => {
    practice = warmUp(builtinServices, () => isAsked).catch(() => {});
  }, restMs).unref();
  // Tasks wait in the port until somebody listens.
  port.on('message', async (message: ToCompute) => {
    isAsked = true;
    if (message.kind === 'holes') {
      asks.get(message.ask)?.(message.holes);
      asks.delete(message.ask);
      return;
    }
    if (message.kind === 'abort') {
      if (running?.id === message.id) running.controller.abort();
      return;
    }
    // The buffers are the thread's: a read that practice has begun would write into those of the task.
    await practice;
    const answer = await run(message.id, message.service, message.task);
    const transfer = answer.kind === 'computed' ? answer.part.frames.map((frame) => frame.buffer as ArrayBuffer) : [];
    port.postMessage(answer, transfer);
  });
}

if (!isMainThread) void main(workerData as ComputeData);
