/** Messages as a person reads them: one short line each, for traces and scenarios. */
import type {
  Fault,
  Invalid,
  Query,
  Report,
  Task,
  ToBroker,
  ToClient,
  ToPlainClient,
  ToPlainWorker,
  ToWorker,
} from '../../protocol/index.js';

type Message = ToBroker | ToClient | ToWorker | ToPlainClient | ToPlainWorker | Invalid;

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

/** 64K, 1M, 4097. */
export function size(bytes: number): string {
  if (bytes > 0 && bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20}M`;
  return bytes > 0 && bytes % 1024 === 0 ? `${bytes / 1024}K` : String(bytes);
}

export const span = (start: number, end: number) => `${size(start)}..${size(end)}`;

function paramsOf(params: { readonly [name: string]: unknown }): string {
  return Object.entries(params)
    .map(([name, value]) => ` ${name}=${String(value)}`)
    .join('');
}

export function query({ service, inputs, range, cells, snap, params, cache }: Query): string {
  const files = inputs.map((input) => text(input[0]?.path)).join(' ');
  const end = range.end === null ? '' : size(range.end);
  const more = `${cells === 1024 ? '' : ` cells=${cells}`}${snap ? ' snap' : ''}${cache ? '' : ' no-cache'}`;
  return `${service} ${files} ${size(range.start)}..${end}${paramsOf(params)}${more}`;
}

function task({ inputs, runs, cellBytes, form, params }: Task): string {
  const files = inputs.map((input) => text(input.path)).join(' ');
  const cells = cellBytes > 0 ? ` cells of ${size(cellBytes)}` : '';
  return `${files} ${runs.map(([a, b]) => span(a, b)).join(',')}${cells}${form === 'whole' ? ' whole' : ''}${paramsOf(params)}`;
}

const percent = (completion: number) => `${Math.floor(completion * 10_000) / 100}%`;

function report({ service, range, completion, scalars, arrays, cellBytes, work }: Report): string {
  const cells = cellBytes > 0 ? ` ${arrays['cells.state']?.data.filter((it) => it === 2).length} cells exact` : '';
  const made = `${work.chunksComputed} computed ${work.chunksCached} cached`;
  return `${service} ${span(...range)} ${percent(completion)} n=${String(scalars.n)}${cells} ${made}`;
}

const fault = ({ code, message }: Fault) => `${code} ${message}`;

export function describe(message: Message): string {
  switch (message.kind) {
    case 'hello':
      return 'HELLO';
    case 'request':
      return `REQUEST ${message.requestId} ${query(message.query)}`;
    case 'badRequest':
      return `REQUEST ${message.requestId} ${message.service} bad: ${fault(message.fault)}`;
    case 'rawRequest':
      return `REQUEST ${message.requestId} ${message.service} raw ${message.body.map(text).join(' ')}`;
    case 'clientCancel':
      return `CANCEL ${message.jobId ?? message.requestId}`;
    case 'plainRequest':
      return `REQUEST ${message.service} plain`;
    case 'ready':
      return `READY ${message.descriptor.name} slot=${message.slot} credit=${message.credit}`;
    case 'taskFinal':
      return `FINAL attempt=${message.attempt}`;
    case 'taskError':
      return `ERROR attempt=${message.attempt} ${fault(message.fault)}`;
    case 'workerHeartbeat':
      return 'attempt' in message
        ? `HEARTBEAT attempt=${message.attempt} done=${size(message.bytesDone ?? 0)}`
        : 'HEARTBEAT';
    case 'plainReady':
      return `READY ${message.service} plain`;
    case 'plainPartial':
    case 'plainFinal': {
      const name = message.kind === 'plainFinal' ? 'FINAL' : 'PARTIAL';
      return `${name} plain ${'address' in message ? text(message.address) : message.service}`;
    }
    case 'plainAssign':
      return `REQUEST plain ${text(message.address)}`;
    case 'welcome':
      return `WELCOME epoch=${message.epoch}`;
    case 'partial':
      return `PARTIAL ${message.requestId} ${report(message.report)}`;
    case 'final':
      return `FINAL ${message.requestId} ${report(message.report)}`;
    case 'rawPartial':
      return `PARTIAL ${message.requestId} ${message.service} raw ${message.body.map(text).join(' ')}`;
    case 'rawFinal':
      return `FINAL ${message.requestId} ${message.service} raw ${message.body.map(text).join(' ')}`;
    case 'error':
      return `ERROR ${message.requestId} ${fault(message.fault)}`;
    case 'cancelAck':
      return `CANCEL ${message.jobId} ${message.outcome}`;
    case 'assign':
      return `REQUEST attempt=${message.attempt} ${message.task.kind === 'finish' ? 'finish' : task(message.task)}`;
    case 'workerCancel':
      return `CANCEL attempts=${message.attempts.join(',')}`;
    case 'clientHeartbeat':
    case 'plainHeartbeat':
      return 'HEARTBEAT';
    case 'clientDisconnect':
    case 'workerDisconnect':
    case 'plainDisconnect':
      return 'DISCONNECT';
    case 'invalid':
      return `invalid: ${message.reason}`;
    default:
      return message satisfies never;
  }
}

/** Heartbeats and the like say little and come often. */
export function isChatter({ kind }: { readonly kind: string }): boolean {
  return kind === 'clientHeartbeat' || kind === 'plainHeartbeat' || kind === 'workerHeartbeat';
}
