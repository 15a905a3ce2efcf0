/** Messages to frames. Every frame is freshly allocated or constant: nothing is mutated after it was sent. */
import { type PlainMap, pack } from './codec.js';
import type { Fault } from './errors.js';
import { clientCommand as C, envelope, plainErrorMark, workerCommand as W } from './frames.js';
import type {
  FromClient,
  FromPlainClient,
  FromPlainWorker,
  FromWorker,
  Query,
  Report,
  ToClient,
  ToPlainClient,
  ToPlainWorker,
  ToWorker,
  Welcome,
} from './messages.js';
import { encodeNpy } from './npy.js';

const empty = new Uint8Array(0);

function welcomeMap({ heartbeatMs, cancelEndpoint, epoch, limits }: Welcome) {
  return { heartbeatMs, cancelEndpoint, epoch, limits };
}

function queryMap(query: Query) {
  const { service: _, range, ...rest } = query;
  return { ...rest, range: [range.start, range.end] };
}

export function encodeFromClient(message: FromClient): Uint8Array[] {
  switch (message.kind) {
    case 'hello':
      return envelope('BXMC02', C.HELLO, pack({ clientId: message.clientId }));
    case 'request': {
      const { requestId, jobId, query } = message;
      return envelope('BXMC02', C.REQUEST, query.service, pack({ requestId, jobId, ...queryMap(query) }));
    }
    case 'rawRequest':
      return envelope(
        'BXMC02',
        C.REQUEST,
        message.service,
        pack({ requestId: message.requestId, raw: true }),
        ...message.body,
      );
    case 'clientCancel':
      return envelope('BXMC02', C.CANCEL, pack({ jobId: message.jobId, requestId: message.requestId }));
    case 'clientHeartbeat':
      return message.seen === undefined
        ? envelope('BXMC02', C.HEARTBEAT)
        : envelope('BXMC02', C.HEARTBEAT, pack({ seen: message.seen }));
    case 'clientDisconnect':
      return envelope('BXMC02', C.DISCONNECT);
    default:
      return message satisfies never;
  }
}

/** A plain client's body for a service with a descriptor: one msgpack map. */
export function encodePlainQuery(query: Partial<Query> & { readonly service: string }): FromPlainClient {
  const { service, range, ...rest } = query;
  return {
    kind: 'plainRequest',
    service,
    body: [pack({ ...rest, ...(range && { range: [range.start, range.end] }) })],
  };
}

export function encodeFromPlainClient({ service, body }: FromPlainClient): Uint8Array[] {
  return envelope('MDPC02', C.REQUEST, service, ...body);
}

/** A report's body frames: the header map, then the arrays in the order that it names. */
export function reportFrames(report: Report, more: PlainMap = {}): Uint8Array[] {
  const { arrays, ...header } = report;
  const names = Object.keys(arrays);
  return [pack({ ...more, ...header, arrays: names }), ...names.map((name) => encodeNpy(arrays[name]!))];
}

export function encodeToClient(message: ToClient): Uint8Array[] {
  switch (message.kind) {
    case 'welcome':
      return envelope('BXMC02', C.WELCOME, pack(welcomeMap(message)));
    case 'partial':
    case 'final': {
      const { kind, requestId, report } = message;
      const command = kind === 'partial' ? C.PARTIAL : C.FINAL;
      return envelope('BXMC02', command, report.service, ...reportFrames(report, { requestId }));
    }
    case 'rawPartial':
    case 'rawFinal': {
      const command = message.kind === 'rawPartial' ? C.PARTIAL : C.FINAL;
      return envelope(
        'BXMC02',
        command,
        message.service,
        pack({ requestId: message.requestId, raw: true }),
        ...message.body,
      );
    }
    case 'error':
      return envelope('BXMC02', C.ERROR, pack({ requestId: message.requestId, ...message.fault }));
    case 'cancelAck':
      return envelope('BXMC02', C.CANCEL, pack({ jobId: message.jobId, outcome: message.outcome }));
    case 'clientHeartbeat':
      return envelope('BXMC02', C.HEARTBEAT);
    case 'clientDisconnect':
      return envelope('BXMC02', C.DISCONNECT);
    default:
      return message satisfies never;
  }
}

/** An error to a plain client is a FINAL of two body frames. */
export function plainErrorBody(fault: Fault): Uint8Array[] {
  return [Buffer.from(plainErrorMark), pack(fault)];
}

export function encodeToPlainClient({ kind, service, body }: ToPlainClient): Uint8Array[] {
  return envelope('MDPC02', kind === 'plainPartial' ? C.PARTIAL : C.FINAL, service, ...body);
}

export function encodeFromWorker(message: FromWorker): Uint8Array[] {
  switch (message.kind) {
    case 'ready': {
      const { descriptor, slot, credit } = message;
      return envelope('BXMW02', W.READY, descriptor.name, pack({ descriptor, slot, credit }));
    }
    case 'taskFinal': {
      const { attempt, epoch, part, work } = message;
      return envelope('BXMW02', W.FINAL, pack({ attempt, epoch, arrays: part.arrays, work }), ...part.frames);
    }
    case 'taskError': {
      const { attempt, epoch, fault, work } = message;
      return envelope('BXMW02', W.ERROR, pack({ attempt, epoch, work, ...fault }));
    }
    case 'workerHeartbeat':
      return message.attempt === undefined
        ? envelope('BXMW02', W.HEARTBEAT)
        : envelope('BXMW02', W.HEARTBEAT, pack({ attempt: message.attempt, bytesDone: message.bytesDone }));
    case 'workerDisconnect':
      return envelope('BXMW02', W.DISCONNECT);
    default:
      return message satisfies never;
  }
}

export function encodeFromPlainWorker(message: FromPlainWorker): Uint8Array[] {
  switch (message.kind) {
    case 'plainReady':
      return envelope('MDPW02', W.READY, message.service);
    case 'plainPartial':
      return envelope('MDPW02', W.PARTIAL, message.address, empty, ...message.body);
    case 'plainFinal':
      return envelope('MDPW02', W.FINAL, message.address, empty, ...message.body);
    case 'plainHeartbeat':
      return envelope('MDPW02', W.HEARTBEAT);
    case 'plainDisconnect':
      return envelope('MDPW02', W.DISCONNECT);
    default:
      return message satisfies never;
  }
}

export function encodeToWorker(message: ToWorker): Uint8Array[] {
  switch (message.kind) {
    case 'welcome':
      return envelope('BXMW02', W.WELCOME, pack(welcomeMap(message)));
    case 'assign': {
      const { attempt, epoch, jobId, task } = message;
      if (task.kind !== 'finish') return envelope('BXMW02', W.REQUEST, pack({ attempt, epoch, jobId, task }));
      const { frames, ...rest } = task;
      return envelope('BXMW02', W.REQUEST, pack({ attempt, epoch, jobId, task: rest }), ...frames);
    }
    case 'workerCancel': {
      const { jobId, attempts, waiting } = message;
      return envelope('BXMW02', W.CANCEL, pack({ jobId, attempts, waiting }));
    }
    case 'workerHeartbeat':
      return envelope('BXMW02', W.HEARTBEAT);
    case 'workerDisconnect':
      return envelope('BXMW02', W.DISCONNECT);
    default:
      return message satisfies never;
  }
}

export function encodeToPlainWorker(message: ToPlainWorker): Uint8Array[] {
  switch (message.kind) {
    case 'plainAssign':
      return envelope('MDPW02', W.REQUEST, message.address, empty, ...message.body);
    case 'plainHeartbeat':
      return envelope('MDPW02', W.HEARTBEAT);
    case 'plainDisconnect':
      return envelope('MDPW02', W.DISCONNECT);
    default:
      return message satisfies never;
  }
}
